//! A strict parser for RFC 8259 that keeps every name and digit as sent.

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    /// In the order in which the fields were sent. Names may be duplicated.
    Object(Vec<(String, Json)>),
}

/// The reason why a text could not be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseError {
    Invalid,
    /// Nested so deeply that parsers may differ.
    TooDeep,
}

const DEEP: usize = 100;

/// Parses one value, which only white space may surround.
pub fn parse(text: &str) -> Result<Json, ParseError> {
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.space();
    if reader.rest.is_empty() { Ok(value) } else { Err(ParseError::Invalid) }
}

impl Json {
    /// Whether an object has a duplicate name, at any depth.
    pub fn has_duplicate_names(&self) -> bool {
        match self {
            Self::Object(fields) => {
                let is_duplicate = |at: usize| fields[..at].iter().any(|(name, _)| *name == fields[at].0);
                (0..fields.len()).any(is_duplicate) || fields.iter().any(|(_, value)| value.has_duplicate_names())
            }
            Self::List(values) => values.iter().any(Self::has_duplicate_names),
            _ => false,
        }
    }

    /// The largest absolute value of its numbers, at any depth.
    pub fn largest(&self) -> f64 {
        match self {
            Self::Number(digits) => digits.parse::<f64>().unwrap().abs(),
            Self::Object(fields) => fields.iter().map(|(_, value)| value.largest()).fold(0.0, f64::max),
            Self::List(values) => values.iter().map(Self::largest).fold(0.0, f64::max),
            _ => 0.0,
        }
    }

    /// A field of an object: the last one if the name is duplicated.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().rfind(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// Writes the same value differently: with white space where it is allowed, and every character escaped.
    pub fn write(&self) -> String {
        let list = |values: Vec<String>| values.join("\t, ");
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(digits) => digits.clone(),
            Self::Text(text) => quoted(text),
            Self::List(values) => format!("[\n{} ]", list(values.iter().map(Self::write).collect())),
            Self::Object(fields) => {
                let field = |(name, value): &(String, Self)| format!("{} : {}", quoted(name), value.write());
                format!("{{\r\n{} }}", list(fields.iter().map(field).collect()))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
    format!("\"{escaped}\"")
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, token: &str) -> bool {
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn need(&mut self, token: &str) -> Result<(), ParseError> {
        self.space();
        if self.take(token) { Ok(()) } else { Err(ParseError::Invalid) }
    }

    fn value(&mut self, depth: usize) -> Result<Json, ParseError> {
        if depth > DEEP {
            return Err(ParseError::TooDeep);
        }
        self.space();
        for (token, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))] {
            if self.take(token) {
                return Ok(value);
            }
        }
        match self.rest.as_bytes().first() {
            Some(b'"') => self.text().map(Json::Text),
            Some(b'[') => {
                let read = |reader: &mut Self| reader.value(depth + 1);
                self.items("[", "]", read).map(Json::List)
            }
            Some(b'{') => {
                let read = |reader: &mut Self| {
                    reader.space();
                    let name = reader.text()?;
                    reader.need(":")?;
                    Ok((name, reader.value(depth + 1)?))
                };
                self.items("{", "}", read).map(Json::Object)
            }
            _ => self.number(),
        }
    }

    fn items<T>(
        &mut self,
        open: &str,
        close: &str,
        mut read: impl FnMut(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        self.need(open)?;
        self.space();
        let mut items = Vec::new();
        if self.take(close) {
            return Ok(items);
        }
        loop {
            items.push(read(self)?);
            self.space();
            if self.take(close) {
                return Ok(items);
            }
            self.need(",")?;
        }
    }

    fn digits(&mut self) -> usize {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        self.rest = &self.rest[count..];
        count
    }

    fn number(&mut self) -> Result<Json, ParseError> {
        let start = self.rest;
        self.take("-");
        let digits = self.rest;
        let count = self.digits();
        let mut good = count > 0 && (count == 1 || !digits.starts_with('0'));
        if self.take(".") {
            good &= self.digits() > 0;
        }
        if self.take("e") || self.take("E") {
            let _ = self.take("+") || self.take("-");
            good &= self.digits() > 0;
        }
        if good {
            Ok(Json::Number(start[..start.len() - self.rest.len()].to_owned()))
        } else {
            Err(ParseError::Invalid)
        }
    }

    fn text(&mut self) -> Result<String, ParseError> {
        let mut units = Vec::new();
        let mut chars = self.rest.strip_prefix('"').ok_or(ParseError::Invalid)?.chars();
        loop {
            match chars.next().ok_or(ParseError::Invalid)? {
                '"' => break,
                '\\' => units.push(match chars.next().ok_or(ParseError::Invalid)? {
                    c @ ('"' | '\\' | '/') => c as u16,
                    'b' => 8,
                    'f' => 12,
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    'u' => {
                        let hex = chars.as_str().get(..4).ok_or(ParseError::Invalid)?;
                        if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                            return Err(ParseError::Invalid);
                        }
                        chars = chars.as_str()[4..].chars();
                        u16::from_str_radix(hex, 16).map_err(|_| ParseError::Invalid)?
                    }
                    _ => return Err(ParseError::Invalid),
                }),
                c if c < ' ' => return Err(ParseError::Invalid),
                c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
        self.rest = chars.as_str();
        String::from_utf16(&units).map_err(|_| ParseError::Invalid)
    }
}
