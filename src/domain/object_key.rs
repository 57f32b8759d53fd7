use super::{Id, PictureFormat};
use std::fmt;

/// R2's limit, in bytes.
const MAX_LENGTH: usize = 1024;

/// Where a picture lies in the bucket (contract M3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKey {
    key: String,
    format: PictureFormat,
}

impl ObjectKey {
    /// What every key opens with; nothing else in the bucket is ours.
    pub const PREFIX: &'static str = "avatars/";

    /// What the URL paths of pictures open with, before the key.
    pub const MEDIA: &'static str = "/media/";

    /// How long a picture may be kept (contract M4): a key holds the hash of what is behind it, which never changes.
    pub const CACHE_CONTROL: &'static str = "public, max-age=31536000, immutable";

    /// `avatars/{owner}/{digest}.{extension}`, content-addressed by the picture's SHA-256.
    pub fn new(owner: Id, digest: &[u8], format: PictureFormat) -> Self {
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = format!("{}{hex}.{}", Self::prefix(owner), format.extension());
        Self { key, format }
    }

    /// Any key below `avatars/` that a path can hold without escapes, and that ends as a picture's name does. Not only
    /// keys made here: pictures that were brought along from another back end keep their names.
    pub fn parse(key: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let segments = key.strip_prefix(Self::PREFIX)?.split('/');
        let sane = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
        let (_, extension) = key.rsplit_once('.')?;
        let format = PictureFormat::of_extension(extension)?;
        let valid = key.len() <= MAX_LENGTH && segments.into_iter().all(sane);
        valid.then(|| Self { key: key.to_owned(), format })
    }

    /// Whether it lies under the account's own prefix: only then may that account have it removed (contract M5).
    pub fn belongs_to(&self, account: Id) -> bool {
        self.key.starts_with(&Self::prefix(account))
    }

    /// The path of the URL that it is served at (contract M4).
    pub fn url_path(&self) -> String {
        format!("{}{}", Self::MEDIA, self.key)
    }

    /// The key as the bucket has it.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// What its name says that it is; what was uploaded here is that.
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
