"""Facts that schemathesis cannot get from the document: the existing records, and rules that no schema can express.

Run schemathesis as account 6 of the demo accounts, which may call everything; see docs/testing.md.
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
# A valid file is a picture.
schemathesis.openapi.format("binary", st.sampled_from(PICTURES))

CALLER = 6
# Ids of the demo accounts' records. Random ids would only lead to 404.
IDS = {"updatePersonaFoto": [5, 6, 7, 8], "updateUser": [7, 7, 7, 7, 7, 7, 42], "updateProfile": [CALLER, CALLER, CALLER, 7]}
# A host name that any resolver accepts.
HOST = r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
# The picture that is uploaded first, according to docs/testing.md.
PICTURE = {"account": "42", "file": "0e8b39a2c669ed30345d98a7d33e680fe77ef36926d900b2ea6f2e66173e37c2.jpg"}


def operation_id(operation):
    return operation.definition.raw.get("operationId")


def within_patterns(field, value):
    """Replaces the parts of a text that a pattern cannot check: which characters of all scripts are letters, and which and how many of them a host name may contain."""
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
    """Replaces most ids with those of records, and makes data valid that is meant to be valid."""
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
        # The caller must keep its role and its password: without them, every later request would be refused.
        if (name == "updateUser" and int(value) == CALLER) or sum(str(value).encode()) % 8:
            path["id"] = type(value)(IDS[name][sum(str(value).encode()) % 7 % len(IDS[name])])
    elif name in {"getPicture", "headPicture"} and re.fullmatch(r"[0-9]{1,16}", str(path.get("account"))) and re.fullmatch(r"[0-9a-f]{64}\.(jpg|png|gif|webp)", str(path.get("file"))) and sum(str(path).encode()) % 4:
        path.update(PICTURE)


def as_read(value, takes_numbers):
    """Returns a field as the worker reads it: text is trimmed, and numbers are read as text by django's endpoint and in a form."""
    if isinstance(value, str):
        return value.strip()
    if takes_numbers and isinstance(value, (int, float)):
        return str(value)
    # A file, which counts as text in a schema.
    return value if value is None or isinstance(value, (bool, int, float, list, dict)) else ""


def is_valid_as_read(case):
    """Checks whether a request that breaks the document's rules follows them once it is read as the worker reads it."""
    name = operation_id(case.operation)
    path = case.path_parameters.get("id", "1")
    if not re.fullmatch("[0-9]{1,16}", str(path)) or not isinstance(case.body, dict):
        return False
    schema = next(body.optimized_schema for body in case.operation.body if body.media_type == case.media_type)
    form = case.media_type == "multipart/form-data"
    body = {field: value if field == "password" else as_read(value, form or (name == "updateProfile" and not isinstance(value, bool))) for field, value in case.body.items()}
    if form:
        # A form has no null and no lists: a null is not sent, and a list becomes one part per entry.
        body = {field: str(value[0]) if isinstance(value, list) and len(value) == 1 else value for field, value in body.items() if value not in (None, [])}
    return jsonschema_rs.validator_for(schema, validate_formats=False).is_valid(body)


# Reasons for refusing a value that is valid in itself: it is taken, or the role does not exist.
DATABASE_REFUSALS = ("already exists", "ya está en uso", "no corresponde a un rol existente", "Error al actualizar perfil")


# schemathesis's two checks that invalid data is rejected and valid data accepted, corrected for what it cannot know. (The
# originals are off in schemathesis.toml, because a failure that a `filter_failure` hook drops would still end the
# operation's fuzzing.)
@schemathesis.check
def invalid_data_is_rejected(ctx, response, case):
    try:
        negative_data_rejection(ctx, response, case)
    except Failure:
        if not is_valid_as_read(case):
            raise


@schemathesis.check
def valid_data_is_accepted(ctx, response, case):
    try:
        positive_data_acceptance(ctx, response, case)
    except Failure:
        # A whole number written with a fraction (33914651.0) is longer as text than a schema assumes.
        is_float = isinstance(case.body, dict) and isinstance(case.body.get("number_phone"), float)
        if not is_float and not any(message in response.text for message in DATABASE_REFUSALS):
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
    """Checks every response, including those that schemathesis's own checks skip: to other methods (405) and media types (415)."""
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
    # The response to HEAD has no body, unlike the operation's own responses, for example to GET.
    if content and response.request.method != "HEAD":
        media_type = response.headers["content-type"][0]
        if media_type not in content:
            wrong.append(f"{media_type} is not in the document")
        elif "json" in media_type:
            wrong += faults("body", content[media_type]["schema"], json.loads(response.content))
    elif response.content and case.method.upper() == response.request.method:
        wrong.append("an unexpected body")
    assert not wrong, "\n".join(wrong)
