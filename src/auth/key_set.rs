use super::jwk::{Algorithm, Entry, PublicKey};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Maximum number of keys in a set, many times what any issuer publishes. A larger set is refused as a whole.
const MAX_KEYS: usize = 64;

/// The public keys that tokens may be signed with (RFC 7517 section 5).
pub struct KeySet {
    keys: Vec<(Option<String>, PublicKey)>,
    /// Number of entries that were skipped because they are secret.
    secrets: usize,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl KeySet {
    /// Parses a set. The error describes the problem.
    pub fn parse(json: &[u8]) -> Result<Self, &'static str> {
        let document: Document<'_> = serde_json::from_slice(json).map_err(|_| "is not a JSON Web Key Set")?;
        if document.keys.len() > MAX_KEYS {
            return Err("contains more than 64 keys");
        }
        let mut set = Self { keys: Vec::new(), secrets: 0 };
        for entry in document.keys {
            match Entry::parse(entry.get()) {
                Entry::Usable(kid, key) => set.keys.push((kid, key)),
                Entry::Secret => set.secrets = set.secrets.saturating_add(1),
                Entry::Other => {}
            }
        }
        Ok(set)
    }

    /// Returns whether the set contains a key that must not be published.
    pub fn has_secrets(&self) -> bool {
        self.secrets > 0
    }

    /// Returns whether the set contains no usable key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the keys that may have signed a token: those for its algorithm that have its `kid`. For a token without
    /// a `kid`, this is the only key for its algorithm, or none if there are several (OpenID Connect Core section
    /// 10.1). Several keys may share a `kid`, so each of them is tried.
    pub fn candidates<'a>(&'a self, algorithm: Algorithm, kid: Option<&str>) -> Vec<&'a PublicKey> {
        let fits = |(known, key): &&(Option<String>, PublicKey)| {
            key.algorithm() == algorithm && (kid.is_none() || known.as_deref() == kid)
        };
        let keys: Vec<_> = self.keys.iter().filter(fits).map(|(_, key)| key).collect();
        if kid.is_none() && keys.len() > 1 { Vec::new() } else { keys }
    }
}
