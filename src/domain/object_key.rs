use super::{Id, PictureFormat};
use std::fmt;

/// Maximum length of a key in R2, in bytes.
const MAX_LENGTH: usize = 1024;

/// The key of a picture in the bucket (contract M3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKey {
    key: String,
    format: PictureFormat,
}

impl ObjectKey {
    /// Prefix of every key. Nothing else in the bucket belongs to Perfil.
    pub const PREFIX: &'static str = "avatars/";

    /// Prefix of the URL paths of pictures; the key follows it.
    pub const MEDIA: &'static str = "/media/";

    /// The `Cache-Control` header of a picture (contract M4). An uploaded picture's key contains its hash, and Perfil
    /// never overwrites an object, so a picture never changes.
    pub const CACHE_CONTROL: &'static str = "public, max-age=31536000, immutable";

    /// Creates the key `avatars/{owner}/{digest}.{extension}`, content-addressed by the picture's SHA-256.
    pub fn new(owner: Id, digest: &[u8], format: PictureFormat) -> Self {
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = format!("{}{hex}.{}", Self::prefix(owner), format.extension());
        Self { key, format }
    }

    /// Parses any key below `avatars/` that a URL path can contain without escapes and that ends in a picture's
    /// extension. Keys need not have been created by [`ObjectKey::new`]: imported pictures keep their names.
    pub fn parse(key: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let segments = key.strip_prefix(Self::PREFIX)?.split('/');
        let is_valid_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
        let (_, extension) = key.rsplit_once('.')?;
        let format = PictureFormat::from_extension(extension)?;
        let valid = key.len() <= MAX_LENGTH && segments.into_iter().all(is_valid_segment);
        valid.then(|| Self { key: key.to_owned(), format })
    }

    /// Returns whether the key is under the account's own prefix. Only then may that account have the object removed
    /// (contract M5).
    pub fn belongs_to(&self, account: Id) -> bool {
        self.key.starts_with(&Self::prefix(account))
    }

    /// Returns the path of the URL at which the picture is served (contract M4).
    pub fn url_path(&self) -> String {
        format!("{}{}", Self::MEDIA, self.key)
    }

    /// Returns the key as the bucket stores it.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// Returns the format that the key's extension indicates. For pictures uploaded to Perfil, it is the actual format.
    pub fn format(&self) -> PictureFormat {
        self.format
    }

    fn prefix(owner: Id) -> String {
        format!("{}{}/", Self::PREFIX, owner.get())
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.key)
    }
}
