use super::json::Named;
use perfil::auth::{HASHING_DEADLINE, MAX_TOKEN_BYTES};
use perfil::domain::{DEFAULT_MAX_PIXELS, ObjectKey};
use perfil::edge::{BUCKET_DEADLINE, DATABASE_DEADLINE};
use perfil::picture::MAX_SIDE;
use perfil::serve::form::{MAX_PARTS, OVERHEAD};
use perfil::serve::in_flight::{BYTES_PER_FURTHER_SECOND, MIN_SECONDS};
use perfil::serve::{JSON_LIMIT, RATE_PERIOD, RETRY_AFTER};

/// Returns every limit that clients can notice, except the configurable ones, which are in wrangler.toml.
pub fn facts() -> Named<u64> {
    let bytes = |bytes: usize| u64::try_from(bytes).unwrap();
    let all = [
        ("json_bytes", bytes(JSON_LIMIT)),
        ("form_overhead_bytes", bytes(OVERHEAD)),
        ("form_parts", bytes(MAX_PARTS)),
        ("token_bytes", bytes(MAX_TOKEN_BYTES)),
        ("picture_side", MAX_SIDE.into()),
        ("picture_pixels_default", DEFAULT_MAX_PIXELS.into()),
        ("body_seconds", MIN_SECONDS),
        ("body_bytes_per_further_second", bytes(BYTES_PER_FURTHER_SECOND)),
        ("database_seconds", DATABASE_DEADLINE),
        ("bucket_seconds", BUCKET_DEADLINE),
        ("hashing_milliseconds", HASHING_DEADLINE),
        ("rate_period_seconds", RATE_PERIOD.into()),
        ("retry_after_seconds", RETRY_AFTER.into()),
    ];
    Named(all.map(|(name, limit)| (name.to_owned(), limit)).into())
}

/// Returns the media types of stored pictures by the extension of their keys, in lower and upper case.
pub fn pictures() -> Named<&'static str> {
    let endings = ["jpg", "jpeg", "png", "gif", "webp", "avif", "bmp", "heic", "jxl", "svg", "tiff"];
    let capitals = endings.map(str::to_uppercase);
    let served = endings.into_iter().chain(capitals.iter().map(String::as_str)).filter_map(|ending| {
        let key = ObjectKey::parse(&format!("avatars/1/a.{ending}"))?;
        Some((ending.to_owned(), key.format().media_type()))
    });
    Named(served.collect())
}
