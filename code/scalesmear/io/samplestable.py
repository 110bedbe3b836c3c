"""Reading samples.yml; a key that is written twice is an error, not the last one's right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from scalesmear.errors import InputError
from scalesmear.io.files import existing
from scalesmear.mcsamples import McSample, sample_of

if TYPE_CHECKING:
    import os


class UniqueKeys(yaml.SafeLoader):
    """YAML's loader, which also refuses a key that stands twice in one block."""


def _mapping(loader: UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        if key.value in seen:
            problem = f"key {key.value!r} is written twice"
            raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_sample(path: str | os.PathLike[str], name: str) -> McSample:
    """Read one sample of a table.

    Raises
    ------
    InputError
        If the file is missing or not YAML, the table is not as its schema says, or lacks the sample.
    """
    found = existing(path, "table of samples")
    try:
        content = yaml.load(found.read_text(encoding="utf-8"), Loader=UniqueKeys)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise InputError(found, f"not YAML ({problem})", "mend it") from error
    return sample_of(content, name, str(found))
