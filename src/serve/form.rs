//! Parser for `multipart/form-data` bodies (RFC 7578). Texts are copied out, and the bytes of the one file that is
//! wanted are moved to the front of the body's own buffer, so that a picture is in memory only once.
//!
//! The parser is strict: anything that two parsers could read differently is refused. It makes one pass over the body,
//! whatever that contains.

use crate::dialect::Part;
use crate::domain::Refusal;
use memchr::memchr;
use std::ops::Range;

/// Maximum size of a form without its file, in bytes: boundaries, part headers and other fields (contract R3).
pub const OVERHEAD: usize = 64 * 1024;
/// Maximum number of parts, which is more than a form for any of the endpoints has.
pub const MAX_PARTS: usize = 64;
/// Maximum size of the headers of one part, in bytes.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Parses a form into its parts: every text, and the file in the part `file`, which may have at most `limit` bytes. If
/// several parts have that name, the last file is returned. Other files are returned empty, because no other field
/// takes one.
pub fn parse(mut body: Vec<u8>, boundary: &str, file: &str, limit: usize) -> Result<Vec<(String, Part)>, Refusal> {
    let (mut parts, mut wanted) = (Vec::new(), None);
    let mut reader = Reader { body: &body, at: 0, boundary: boundary.as_bytes() };
    let mut is_last = reader.first_delimiter()?;
    while !is_last {
        let head = Head::parse(reader.headers()?)?;
        let content = reader.content()?;
        let part = match head.filename {
            Filename::Given => Part::File(Vec::new()),
            Filename::Empty if content.is_empty() => Part::NoFile,
            Filename::Empty | Filename::Absent => Part::Text(text(&body, &content)?),
        };
        if head.filename == Filename::Given && head.name == file {
            wanted = Some((parts.len(), content));
        }
        parts.push((head.name, part));
        if parts.len() > MAX_PARTS {
            return Err(Refusal::TooLarge);
        }
        is_last = reader.delimiter()?;
    }
    let size = wanted.as_ref().map_or(0, |(_, content)| content.len());
    if size > limit || body.len().saturating_sub(size) > OVERHEAD {
        return Err(Refusal::TooLarge);
    }
    if let Some((at, content)) = wanted
        && let Some((_, part)) = parts.get_mut(at)
    {
        body.truncate(content.end);
        body.drain(..content.start);
        *part = Part::File(body);
    }
    Ok(parts)
}

/// Returns the text of a part. Bytes that are not UTF-8 are refused, because they would be stored as something that the
/// client did not send.
fn text(body: &[u8], content: &Range<usize>) -> Result<String, Refusal> {
    let bytes = body.get(content.clone()).ok_or(Refusal::MalformedForm)?;
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Refusal::MalformedForm)
}

/// Reads a body from front to back.
struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    boundary: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads the first delimiter of a form, and returns whether it is also the last one. In RFC 2046, the line break
    /// before a boundary is part of the delimiter, and clients that build forms by hand write it before the first
    /// boundary as well. No other preamble is accepted.
    fn first_delimiter(&mut self) -> Result<bool, Refusal> {
        while self.skip(b"\r\n").is_ok() {}
        self.skip(b"--")?;
        self.skip(self.boundary)?;
        self.delimiter()
    }

    /// Reads what follows a boundary: two dashes end the form, and a line break begins another part. Returns whether
    /// the form ends. Anything after its end is ignored.
    fn delimiter(&mut self) -> Result<bool, Refusal> {
        if self.rest().starts_with(b"--") {
            return Ok(true);
        }
        let padding = self.rest().iter().take_while(|byte| b" \t".contains(byte)).count();
        self.at = self.at.saturating_add(padding);
        self.skip(b"\r\n").map(|()| false)
    }

    /// Reads the header lines of a part.
    fn headers(&mut self) -> Result<&'a [u8], Refusal> {
        let rest = self.rest();
        let end = rest.windows(4).take(MAX_HEADER_BYTES).position(|window| window == b"\r\n\r\n");
        let refusal = if rest.len() > MAX_HEADER_BYTES { Refusal::TooLarge } else { Refusal::MalformedForm };
        let (headers, _) = end.and_then(|end| rest.split_at_checked(end)).ok_or(refusal)?;
        self.at = self.at.saturating_add(headers.len()).saturating_add(4);
        Ok(headers)
    }

    /// Reads the content of a part, up to the next boundary at the start of a line. A boundary contains no line break,
    /// so no byte is compared twice.
    fn content(&mut self) -> Result<Range<usize>, Refusal> {
        let start = self.at;
        loop {
            let line = memchr(b'\r', self.rest()).ok_or(Refusal::MalformedForm)?;
            let end = self.at.saturating_add(line);
            self.at = end.saturating_add(1);
            let after = self.rest().strip_prefix(b"\n--").and_then(|rest| rest.strip_prefix(self.boundary));
            if let Some(after) = after {
                self.at = self.body.len().saturating_sub(after.len());
                return Ok(start..end);
            }
        }
    }

    fn skip(&mut self, expected: &[u8]) -> Result<(), Refusal> {
        let rest = self.rest().strip_prefix(expected).ok_or(Refusal::MalformedForm)?;
        self.at = self.body.len().saturating_sub(rest.len());
        Ok(())
    }

    fn rest(&self) -> &'a [u8] {
        self.body.get(self.at..).unwrap_or_default()
    }
}

/// The parameters of a part's `Content-Disposition`.
struct Head {
    name: String,
    filename: Filename,
}

/// The file name of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Filename {
    /// The part has no file name, so it is a text.
    Absent,
    /// The file name is empty. Browsers send this for a file input in which no file was chosen.
    Empty,
    Given,
}

impl Head {
    fn parse(headers: &[u8]) -> Result<Self, Refusal> {
        let (mut name, mut filename) = (None, Filename::Absent);
        let (kind, mut rest) = split(disposition(headers)?, b';').ok_or(Refusal::MalformedForm)?;
        while !rest.is_empty() {
            let (key, value, after) = parameter(rest).ok_or(Refusal::MalformedForm)?;
            match key.to_ascii_lowercase().as_slice() {
                b"name" if name.is_none() => name = Some(value),
                b"name" => return Err(Refusal::MalformedForm),
                b"filename" | b"filename*" if value.is_empty() => filename = filename.max(Filename::Empty),
                b"filename" | b"filename*" => filename = Filename::Given,
                _ => {}
            }
            rest = after;
        }
        let name = name.and_then(|name| String::from_utf8(name).ok());
        match (kind.trim_ascii().eq_ignore_ascii_case(b"form-data"), name) {
            (true, Some(name)) => Ok(Self { name, filename }),
            _ => Err(Refusal::MalformedForm),
        }
    }
}

/// Returns the value of the header `Content-Disposition`, which must occur exactly once.
fn disposition(headers: &[u8]) -> Result<&[u8], Refusal> {
    let mut disposition = None;
    for line in headers.split(|byte| *byte == b'\n') {
        let (name, value) = split(line, b':').ok_or(Refusal::MalformedForm)?;
        if name.eq_ignore_ascii_case(b"content-disposition") && disposition.replace(value.trim_ascii()).is_some() {
            return Err(Refusal::MalformedForm);
        }
    }
    disposition.ok_or(Refusal::MalformedForm)
}

/// Returns the key of the first parameter in a list, its value without quotes, and the rest of the list.
fn parameter(list: &[u8]) -> Option<(&[u8], Vec<u8>, &[u8])> {
    let (key, rest) = split(list, b'=')?;
    let Some(mut rest) = rest.trim_ascii_start().strip_prefix(b"\"") else {
        let (value, after) = split(rest, b';').unwrap_or((rest, b""));
        return Some((key.trim_ascii(), value.trim_ascii().to_vec(), after));
    };
    let mut value = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] => {
                let after = after.trim_ascii_start();
                let after = if after.is_empty() { after } else { after.strip_prefix(b";")? };
                return Some((key.trim_ascii(), value, after));
            }
            // Browsers escape a quote as %22, other clients with a backslash.
            [b'\\', b'"', after @ ..] | [b'%', b'2', b'2', after @ ..] => {
                value.push(b'"');
                rest = after;
            }
            [byte, after @ ..] => {
                value.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == at)?;
    let (before, rest) = bytes.split_at_checked(at)?;
    Some((before, rest.get(1..).unwrap_or_default()))
}
