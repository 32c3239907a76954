"""Does every file of a bundle answer as Keras does, whatever came before?"""
