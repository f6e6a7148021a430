"""What the text model learns from: dialogues written for this project, and the noise that they are heard in."""
