"""Archives: millions of pictures in, a table of rows and masks out, on one machine or many; cut off, it goes on.

items, sources, reading   which pictures there are, and their bytes
units, work               what goes to a worker
core                      the one way from a picture's bytes to its row
executors                 who does it
"""
