"""Device files that a table of names describes: which field is when, which is what, in which unit.

``mappings/*.yaml`` declares the formats of vendors, one entry per kind of file; a site adds its own in
``<TWIN_HOME>/mappings/wearables/*.yaml``. ``mapping`` says what may be declared, ``entries`` brings a CSV line or a
JSON
object into fields, ``samples`` turns declared fields into samples and workouts, ``reader`` chooses and reads.
"""
