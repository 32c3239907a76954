"""Verify and bench elsewhere: on a board over ssh, on a phone over adb, in a browser."""
