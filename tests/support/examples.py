"""Parameters and answers of an API call, made up from botocore's model of it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from botocore.model import OperationModel

_VALUES = {"boolean": True, "float": 1.5, "double": 1.5, "timestamp": 1_796_000_000, "blob": b"body"}


def example(shape: Any, depth: int = 0, partition: str = "aws") -> Any:
    """A value that the model takes: of a structure each member, but in the depth, where it may be its own, the needed ones."""
    match shape and shape.type_name:
        case None | "structure":
            return _structure(shape, depth, partition) if shape else {}
        case "list":
            return [example(shape.member, depth + 1, partition)]
        case "map":
            return {example(shape.key, depth + 1): example(shape.value, depth + 1, partition)}
        case "string":
            return _text(shape, partition)
        case "integer" | "long":
            return max(1, shape.metadata.get("min", 1))
        case simple:
            return _VALUES[simple]


def _text(shape: Any, partition: str) -> str:
    if ":kinesis:" in shape.metadata.get("pattern", ""):  # Its endpoints are by the ARN.
        return f"arn:{partition}:kinesis:us-east-1:111122223333:stream/orders"
    return str(shape.enum[0]) if shape.enum else "a" * max(12, shape.metadata.get("min", 0))


def _structure(shape: Any, depth: int, partition: str) -> dict[str, Any]:
    wanted = [*shape.members][:1] if shape.is_tagged_union else shape.required_members if depth > 2 else shape.members
    return {name: example(shape.members[name], depth + 1, partition) for name in wanted}


def answer(model: OperationModel) -> bytes:
    """A body with each member of the operation's answer, as its protocol has it."""
    shape: Any = model.output_shape
    is_json = "json" in model.service_model.protocol
    if shape is None:
        return b"{}" if is_json else b"<Nothing/>"
    wrapper = shape.serialization.get("resultWrapper")
    shape = shape.members[shape.serialization["payload"]] if "payload" in shape.serialization else shape
    if shape.type_name != "structure":
        return b'{"Version":"2012-10-17"}'
    if is_json:
        return json.dumps(_as_json(shape, example(shape))).encode()
    root = ET.Element(f"{model.name}Response", {"xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"})
    _as_xml(ET.SubElement(root, wrapper) if wrapper else root, shape, example(shape))
    return ET.tostring(root)


def _as_json(shape: Any, value: Any) -> Any:
    match shape.type_name:
        case "structure":
            named = {name: shape.members[name] for name in value}
            return {each.serialization.get("name", name): _as_json(each, value[name]) for name, each in named.items()}
        case "list":
            return [_as_json(shape.member, each) for each in value]
        case "map":
            return {_as_json(shape.key, name): _as_json(shape.value, each) for name, each in value.items()}
        case "blob":
            return base64.b64encode(value).decode()
    return value


def _as_xml(parent: ET.Element, shape: Any, value: Any) -> None:
    match shape.type_name:
        case "structure":
            for name, each in value.items():
                _member(parent, shape.members[name], shape.members[name].serialization.get("name", name), each)
        case "list":
            for each in value:
                _as_xml(ET.SubElement(parent, shape.member.serialization.get("name", "member")), shape.member, each)
        case "map":
            for name, each in value.items():
                entry = ET.SubElement(parent, "entry")
                _as_xml(ET.SubElement(entry, shape.key.serialization.get("name", "key")), shape.key, name)
                _as_xml(ET.SubElement(entry, shape.value.serialization.get("name", "value")), shape.value, each)
        case "blob":
            parent.text = base64.b64encode(value).decode()
        case "timestamp":
            parent.text = "2026-11-23T10:00:00Z"
        case _:
            parent.text = str(value).lower() if value is True else str(value)


def _member(parent: ET.Element, member: Any, tag: str, value: Any) -> None:
    if member.serialization.get("xmlAttribute"):
        parent.set(tag, value)
    elif member.type_name == "list" and member.serialization.get("flattened"):
        _as_xml(ET.SubElement(parent, member.member.serialization.get("name", tag)), member.member, value[0])
    else:
        _as_xml(ET.SubElement(parent, tag), member, value)
