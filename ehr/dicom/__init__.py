"""DICOM: the headers of images (PS3.10 files) as rows, one per instance; pixels are never read.

Needs the extra ``dicom`` (pydicom). ``reader.READERS`` lands files, ``header.read`` reads one header.
"""
