"""The shared kernel: everything that two rooms must agree on, and nothing else.

Settings and folders, the landing manifest, raw tables and the sink that writes them, quarantine, contracts at the
raw boundary, the hand-over of core tables, and the warehouse file with its atomic publish. Imports no other room.
"""
