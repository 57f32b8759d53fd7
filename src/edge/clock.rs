use worker::js_sys::Date;

/// Returns the current Unix time in milliseconds. The platform's clock stands still during computation and advances
/// only with I/O.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a whole number of 53 bits")]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> i64 {
    Date::now() as i64
}

/// Returns the milliseconds that have passed since `started`, a time returned by [`now`].
pub fn elapsed(started: i64) -> u64 {
    now().saturating_sub(started).try_into().unwrap_or(0)
}
