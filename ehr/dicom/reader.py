"""Land DICOM: one file, one instance, one row."""

from __future__ import annotations

import pyarrow as pa

from ehr.dicom import header
from ehr.dicom.tables import INSTANCE, TABLES
from lake.files import decompressed
from lake.reader import Landed, Reader
from lake.sink import Sink


def _matches(landed: Landed) -> bool:
    end = header.PREAMBLE + len(header.MAGIC)
    if landed.head[header.PREAMBLE : end] == header.MAGIC:
        return True
    # gzip: the preamble may hold any bytes, so its decoded length is not known
    return landed.path.suffix in (".gz", ".zst") and "DICM\x02\0" in landed.text_head[: 4 * end]


def _read(landed: Landed, sink: Sink) -> None:
    path = decompressed(landed.path, sink.work / "plain.dcm", sink.settings.max_file_bytes, sink.settings.max_ratio)
    try:
        found = header.read(path)
    except header.IsDirectory:
        sink.count(1, 0, {"DICOMDIR, an index of files that are read themselves": 1})
        return
    except header.BadHeader as bad:
        sink.reject("header", bad.reason, bad.detail, record_no=1, table=INSTANCE.name)
        sink.count(1, 0)
        return
    sink.write(INSTANCE.name, pa.Table.from_pylist([{"record_no": 1, **found}], schema=INSTANCE.schema))
    sink.count(1, 1)


READERS: tuple[Reader, ...] = (
    Reader(
        name="dicom",
        description="DICOM files: the header of each image (patient, study, series, modality, body part, dates); never"
        " pixels. Needs the extra `dicom`.",
        tables=TABLES,
        matches=_matches,
        read=_read,
    ),
)
