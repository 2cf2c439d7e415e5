"""An answer as an RO-Crate: everything of it in one archive, described in JSON-LD.

References:
    RO-Crate Metadata Specification 1.1, https://w3id.org/ro/crate/1.1
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from inference_service.chain import Chain
from inference_service.records import AnswerRecord

__all__ = ["METADATA_NAME", "STRUCTURE_NAME", "crate_archive", "crate_metadata"]

METADATA_NAME: Final = "ro-crate-metadata.json"
STRUCTURE_NAME: Final = "final.extxyz"
CONTEXT: Final = "https://w3id.org/ro/crate/1.1/context"

Entity = dict[str, object]


def crate_metadata(record: AnswerRecord, chain: Chain) -> Entity:
    """Return the JSON-LD document that describes an answer.

    Args:
        record: The answer with its structure and files.
        chain: Its provenance.
    """
    names = [name for name, _ in _contents(record)]
    graph: list[Entity] = [
        {
            "@id": METADATA_NAME,
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"{chain.recipe} of {chain.roi} at level {chain.level}",
            "description": "Structures in Å, energies in eV; x = column, y = row of the frame.",
            "datePublished": _date(record),
            "hasPart": _ids(names),
            "mentions": {"@id": "#job"},
        },
        *_files(record),
        *_hashes(chain),
        _action(record, chain, names),
        {"@id": "#software", "@type": "SoftwareApplication", "name": chain.software},
    ]
    return {"@context": CONTEXT, "@graph": graph}


def crate_archive(record: AnswerRecord, chain: Chain) -> bytes:
    """Return a zip archive of the structure, the files and their description.

    Args:
        record: The answer with its structure and files.
        chain: Its provenance.
    """
    document = json.dumps(crate_metadata(record, chain), indent=2, ensure_ascii=False)
    answer = record.answer.model_dump_json(indent=2)
    moment = datetime.fromtimestamp(record.answer.finished_at_ns / 1e9, UTC)
    stamp = (max(moment.year, 1980), *moment.timetuple()[1:6])
    octets = BytesIO()
    with ZipFile(octets, "w", ZIP_DEFLATED) as archive:
        parts = ((METADATA_NAME, document.encode()), ("answer.json", answer.encode()))
        for name, content in (*parts, *_contents(record)):
            archive.writestr(ZipInfo(name, stamp), content, ZIP_DEFLATED)
    return octets.getvalue()


def _contents(record: AnswerRecord) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file; a job's files may not stand for the structure."""
    yield STRUCTURE_NAME, record.structure.encode()
    for each, content in zip(record.answer.attachments, record.files or (), strict=False):
        yield f"files/{each.name}", content


def _files(record: AnswerRecord) -> Iterator[Entity]:
    sizes = {name: len(content) for name, content in _contents(record)}
    kinds = {f"files/{each.name}": each.media_type for each in record.answer.attachments}
    for name, size in sizes.items():
        kind = kinds.get(name, "chemical/x-extxyz")
        yield {"@id": name, "@type": "File", "encodingFormat": kind, "contentSize": str(size)}


def _hashes(chain: Chain) -> Iterator[Entity]:
    for link in chain.links:
        if link.digest is not None:
            yield {
                "@id": f"urn:blake3:{link.digest}",
                "@type": "PropertyValue",
                "propertyID": "blake3",
                "name": link.name,
                "description": f"{link.what}; {link.state}",
                "value": link.digest,
            }


def _action(record: AnswerRecord, chain: Chain, names: Iterable[str]) -> Entity:
    seen = [f"urn:blake3:{each.digest}" for each in chain.links[:5] if each.digest is not None]
    return {
        "@id": "#job",
        "@type": "CreateAction",
        "name": chain.job,
        "description": chain.settings or f"{chain.recipe} at level {chain.level}",
        "instrument": {"@id": "#software"},
        "object": _ids(seen),
        "result": _ids(names),
        "endTime": _date(record),
    }


def _ids(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"@id": name} for name in names]


def _date(record: AnswerRecord) -> str:
    return datetime.fromtimestamp(record.answer.finished_at_ns / 1e9, UTC).isoformat()
