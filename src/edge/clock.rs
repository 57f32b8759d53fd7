use worker::js_sys::Date;

/// Milliseconds of Unix time. The platform's clock stands still while the CPU works: it moves on with each I/O.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a whole number of 53 bits")]
#[expect(clippy::disallowed_methods, reason = "the one place that looks at the clock")]
pub fn now() -> i64 {
    Date::now() as i64
}

/// Milliseconds since a moment of [`now`].
pub fn elapsed(started: i64) -> u64 {
    now().saturating_sub(started).try_into().unwrap_or(0)
}
