"""How recurrent layers are expressed in a target's operators."""
