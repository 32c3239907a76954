"""What this project claims about speed, made again by a command: see each module's text."""
