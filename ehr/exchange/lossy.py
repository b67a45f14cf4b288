"""What each format cannot carry of the ledger, told to whoever exports."""

from __future__ import annotations

NOT_CARRIED: dict[str, tuple[str, ...]] = {
    "omop": (
        "earlier versions, retractions and when a fact was known: the CDM has one version and no clock for it",
        "names, addresses and numbers of people",
        "year and month precision: the first day stands for them",
        "texts past the CDM's lengths (50 or 60 characters), the third decimal in its own DDL",
        "doses: the text of the prescription is kept, the number is not a quantity",
        "the kind of an allergy, a family history or an immunization: they are observations and drugs",
        "orders, and what was refused or not done",
        "samples of devices and genomes",
    ),
    "meds": (
        "earlier versions and retractions",
        "more than single precision of numbers",
        "statuses, reference ranges, coded answers, categories",
        "names, addresses and numbers of people",
        "facts without a time, which would count as always known",
        "orders, and what was refused or not done",
        "samples of devices and genomes",
    ),
    "fhir": (
        "earlier versions and retractions: a resource is the current version",
        "more than one coding of a fact: the one that the ledger chose",
        "panels: the parts of an Observation are Observations of their own",
        "the code of a coded answer: its text is kept",
        "the numbers that other systems gave a person",
        "when a device was given: a Device has no time",
        "orders, and what was refused or not done",
        "samples of devices and genomes",
    ),
}
