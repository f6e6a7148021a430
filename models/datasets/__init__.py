"""What the text model learns from: dialogues written for this project, how they are read, and the noise they are heard in."""
