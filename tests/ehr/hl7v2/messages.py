"""HL7 v2 messages for tests, written by hand after HL7 v2.5.1 chapters 2, 3, 4, 7, 10 and the CDC guide for VXU."""

from __future__ import annotations


def msh(kind: str, time: str, control_id: str = "1", delimiters: str = "|^~\\&", processing: str = "P") -> str:
    """A message header; ``kind`` is such as ``ADT^A01``."""
    bar = delimiters[0]
    kind = kind.replace("^", delimiters[1])
    return bar.join(["MSH" + delimiters, "APP", "ST ANNE", "TWIN", "", time, "", kind, control_id, processing, "2.5.1"])


def pid(
    mrn: str, name: str = "DOE^JANE", born: str = "19600215", sex: str = "F", issuer: str = "STA", **fields: str
) -> str:
    """A patient identification segment; further fields as ``f13="…"``."""
    values = {3: f"{mrn}^^^{issuer}^MR" if issuer else mrn, 5: name, 7: born, 8: sex}
    values |= {int(key[1:]): value for key, value in fields.items()}
    return "PID|" + "|".join(values.get(n, "") for n in range(1, max(values) + 1))


def pv1(visit: str, patient_class: str = "I", admitted: str = "", discharged: str = "") -> str:
    """A patient visit segment."""
    values = {2: patient_class, 19: visit, 44: admitted, 45: discharged}
    return "PV1|" + "|".join(values.get(n, "") for n in range(1, 46))


def obr(filler: str, code: str = "24323-8^CMP^LN", observed: str = "", reported: str = "", section: str = "CH") -> str:
    """An observation request segment."""
    values = {1: "1", 3: filler, 4: code, 7: observed, 22: reported, 24: section, 25: "F"}
    return "OBR|" + "|".join(values.get(n, "") for n in range(1, 26))


def obx(
    code: str, value: str, unit: str = "", status: str = "F", kind: str = "NM", sub: str = "", **fields: str
) -> str:
    """An observation segment."""
    values = {1: "1", 2: kind, 3: code, 4: sub, 5: value, 6: unit, 11: status}
    values |= {int(key[1:]): text for key, text in fields.items()}
    return "OBX|" + "|".join(values.get(n, "") for n in range(1, max(values) + 1))


def message(*segments: str) -> str:
    """Segments with the terminator that the standard asks for."""
    return "".join(segment + "\r" for segment in segments)


def rxa(code: str, start: str, **fields: str) -> str:
    """A vaccination segment; further fields as ``f20="CP"``."""
    values = {1: "0", 2: "1", 3: start, 5: code} | {int(key[1:]): text for key, text in fields.items()}
    return "RXA|" + "|".join(values.get(n, "") for n in range(1, max(values) + 1))
