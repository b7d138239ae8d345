"""The results of an archive on the disk.

folder       all of it together, and what guards it
record       batch.json: what was asked, and how far it is
columns      the table's columns
parts        the table's files
tidying      few files, and one row a picture, when a run ends
mask_files   the masks
index        which pictures have a row, for as long as a run lasts
"""
