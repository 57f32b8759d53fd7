"""What schemathesis cannot know from the document: which records there are, and what a schema has no words for.

Run it as account 6 of the demo accounts, which may call everything; see docs/testing.md.
"""

import functools
import json
import pathlib
import re

import jsonschema_rs
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

PICTURES = [path.read_bytes() for path in sorted(pathlib.Path(__file__).parent.joinpath("../fixtures/pictures").glob("*.*")) if path.suffix not in {".md", ".py"}]
# A file that is to be valid is a picture.
schemathesis.openapi.format("binary", st.sampled_from(PICTURES))

CALLER = 6
# Records of the demo accounts; ids at random would be nobody's, and answered with 404 alone.
IDS = {"updatePersonaFoto": [5, 6, 7, 8], "updateUser": [7, 7, 7, 7, 7, 7, 42], "updateProfile": [CALLER, CALLER, CALLER, 7]}
# A name that any resolver takes.
HOST = r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
# The picture that docs/testing.md has uploaded before.
PICTURE = {"account": "42", "file": "0e8b39a2c669ed30345d98a7d33e680fe77ef36926d900b2ea6f2e66173e37c2.jpg"}


def operation_id(operation):
    return operation.definition.raw.get("operationId")


def within_patterns(field, value):
    """A text with what a pattern cannot judge replaced: which characters of all scripts are letters, and which of them, and how many, a host name may hold."""
    if field == "username":
        return "".join(c if c.isalnum() or c in "_.@+-" else "ñ" for c in value)
    if field == "email":
        user, _, host = value.rpartition("@")
        return f"{user[:64].rstrip('.')}@{host if re.fullmatch(HOST, host) else 'correo.example.es'}"
    scheme, separator, rest = value.partition("://")
    host = re.split("[/?#]", rest)[0]
    return f"{scheme}://{host if re.fullmatch(HOST, host) else 'example.com'}{rest[len(host):]}"[:255] if separator else value


@schemathesis.hook
def before_call(context, case, kwargs):
    """Most ids become those of records, and what is meant to be valid is."""
    name = operation_id(case.operation)
    if isinstance(case.body, dict) and case.meta is not None and not case.meta.generation.mode.is_negative:
        for field in {"username", "email", "foto_url", "image_path"} & case.body.keys():
            if isinstance(case.body[field], str):
                case.body[field] = within_patterns(field, case.body[field])
    path = case.path_parameters
    if name in IDS:
        value = path.get("id")
        if not re.fullmatch("[1-9][0-9]{0,15}", str(value)) or int(value) >= 2**53:
            return
        # The caller keeps its role and its password: without them there is nothing left to try.
        if (name == "updateUser" and int(value) == CALLER) or sum(str(value).encode()) % 8:
            path["id"] = type(value)(IDS[name][sum(str(value).encode()) % 7 % len(IDS[name])])
    elif name in {"getPicture", "headPicture"} and re.fullmatch(r"[0-9]{1,16}", str(path.get("account"))) and re.fullmatch(r"[0-9a-f]{64}\.(jpg|png|gif|webp)", str(path.get("file"))) and sum(str(path).encode()) % 4:
        path.update(PICTURE)


def as_read(value, takes_numbers):
    """A field as the worker reads it: texts trimmed, and numbers taken as texts by django's endpoint, and in a form."""
    if isinstance(value, str):
        return value.strip()
    if takes_numbers and isinstance(value, (int, float)):
        return str(value)
    # A file, which a schema sees as a text.
    return value if value is None or isinstance(value, (bool, int, float, list, dict)) else ""


def is_valid_as_read(case):
    """Whether a request that breaks the document's rules does not, once it is read as the worker reads it."""
    name = operation_id(case.operation)
    path = case.path_parameters.get("id", "1")
    if not re.fullmatch("[0-9]{1,16}", str(path)) or not isinstance(case.body, dict):
        return False
    schema = next(body.optimized_schema for body in case.operation.body if body.media_type == case.media_type)
    form = case.media_type == "multipart/form-data"
    body = {field: value if field == "password" else as_read(value, form or (name == "updateProfile" and not isinstance(value, bool))) for field, value in case.body.items()}
    if form:
        # A form has no null and no list: no part is sent, or one for each entry.
        body = {field: str(value[0]) if isinstance(value, list) and len(value) == 1 else value for field, value in body.items() if value not in (None, [])}
    return jsonschema_rs.validator_for(schema, validate_formats=False).is_valid(body)


# What a value can be refused for that is valid in itself: somebody has it, or there is no such role.
KNOWN_TO_THE_DATABASE = ("already exists", "ya está en uso", "no corresponde a un rol existente", "Error al actualizar perfil")


# schemathesis's two checks of whether broken data is refused and valid data taken, with what it cannot know. (They are
# off in schemathesis.toml: a failure that a `filter_failure` hook drops would end the operation's fuzzing all the same.)
@schemathesis.check
def broken_data_is_refused(ctx, response, case):
    try:
        negative_data_rejection(ctx, response, case)
    except Failure:
        if not is_valid_as_read(case):
            raise


@schemathesis.check
def valid_data_is_taken(ctx, response, case):
    try:
        positive_data_acceptance(ctx, response, case)
    except Failure:
        # A whole number written with a fraction (33914651.0) has a longer text than a schema counts.
        is_float = isinstance(case.body, dict) and isinstance(case.body.get("number_phone"), float)
        if not is_float and not any(words in response.text for words in KNOWN_TO_THE_DATABASE):
            raise


DOCUMENT = json.loads(pathlib.Path(__file__).parent.joinpath("../../public/openapi.json").read_text())


def resolve(thing):
    while "$ref" in thing:
        thing = functools.reduce(lambda at, key: at[key], thing["$ref"][2:].split("/"), DOCUMENT)
    return thing


@functools.cache
def validator(schema):
    return jsonschema_rs.validator_for({**json.loads(schema), "components": DOCUMENT["components"]}, validate_formats=True)


def faults(what, schema, value):
    return [f"{what}: {error.message}" for error in validator(json.dumps(schema)).iter_errors(value)]


@schemathesis.check
def allowed_by_the_document(ctx, response, case):
    """Every answer, also to what schemathesis's own checks look away from: other methods (405) and media types (415)."""
    declared = case.operation.definition.raw["responses"].get(str(response.status_code))
    assert declared, f"{response.status_code} is not in the document"
    declared = resolve(declared)
    wrong = []
    for name, header in declared["headers"].items():
        header = resolve(header)
        values = response.headers.get(name.lower())
        if values:
            wrong += faults(name, header["schema"], int(values[0]) if header["schema"]["type"] == "integer" else values[0])
        elif header["required"]:
            wrong.append(f"no {name}")
    content = declared.get("content")
    # The answer to HEAD has no body, which the operation's own answers to GET, for example, have.
    if content and response.request.method != "HEAD":
        media_type = response.headers["content-type"][0]
        if media_type not in content:
            wrong.append(f"{media_type} is not in the document")
        elif "json" in media_type:
            wrong += faults("body", content[media_type]["schema"], json.loads(response.content))
    elif response.content and case.method.upper() == response.request.method:
        wrong.append("a body where there should be none")
    assert not wrong, "\n".join(wrong)
