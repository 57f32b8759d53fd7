/// Where a setting is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// In `[vars]` of `wrangler.toml`.
    Variable,
    /// With `wrangler secret put`.
    Secret,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])* $variant:ident: $kind:ident = $name:literal,)*) => {
        /// A setting of a deployment. The documents' tables and `wrangler.toml` are compared with this one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Setting {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Setting {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in the deployment.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Where it is set.
            pub const fn kind(self) -> SettingKind {
                match self {
                    $(Self::$variant => SettingKind::$kind,)*
                }
            }
        }
    };
}

settings! {
    /// What the login services sign with.
    JwtSecret: Secret = "JWT_SECRET",
    /// The secret before it.
    JwtSecretPrevious: Secret = "JWT_SECRET_PREVIOUS",
    /// What seam's login service signs with.
    JwtSecretSeam: Secret = "JWT_SECRET_SEAM",
    /// The secret before it.
    JwtSecretSeamPrevious: Secret = "JWT_SECRET_SEAM_PREVIOUS",
    /// What falcon's login service signs with.
    JwtSecretFalcon: Secret = "JWT_SECRET_FALCON",
    /// The secret before it.
    JwtSecretFalconPrevious: Secret = "JWT_SECRET_FALCON_PREVIOUS",
    /// What django's login service signs with.
    JwtSecretDjango: Secret = "JWT_SECRET_DJANGO",
    /// The secret before it.
    JwtSecretDjangoPrevious: Secret = "JWT_SECRET_DJANGO_PREVIOUS",
    /// Whose number a bare `sub` is.
    JwtSub: Variable = "JWT_SUB",
    /// The public keys of those who sign with private ones.
    JwtJwks: Variable = "JWT_JWKS",
    /// Where these keys are fetched.
    JwtJwksUrl: Variable = "JWT_JWKS_URL",
    /// What `iss` must be.
    JwtIssuer: Variable = "JWT_ISSUER",
    /// What `aud` must be or hold.
    JwtAudience: Variable = "JWT_AUDIENCE",
    /// How long ago a person may have authenticated to make a sensitive change, in seconds.
    FreshTokenSeconds: Variable = "FRESH_TOKEN_SECONDS",
    /// Whether common passwords are refused.
    PasswordBlocklist: Variable = "PASSWORD_BLOCKLIST",
    /// Whose pages may call from a browser.
    CorsAllowedOrigins: Variable = "CORS_ALLOWED_ORIGINS",
    /// What our own URLs begin with.
    PublicOrigin: Variable = "PUBLIC_ORIGIN",
    /// Where what Perfil does not handle goes.
    Origin: Variable = "ORIGIN",
    /// The updates that Perfil handles itself.
    TakeOver: Variable = "TAKE_OVER",
    /// The largest picture, in bytes.
    AvatarMaxBytes: Variable = "AVATAR_MAX_BYTES",
    /// The largest picture, in pixels.
    AvatarMaxPixels: Variable = "AVATAR_MAX_PIXELS",
    /// How old an object must be that is swept away, in hours.
    AvatarGraceHours: Variable = "AVATAR_GRACE_HOURS",
    /// Where the changes are posted.
    ChangesUrl: Variable = "CHANGES_URL",
    /// What these posts are signed with.
    ChangesSecret: Secret = "CHANGES_SECRET",
    /// What the posts to personas' receiver are signed with.
    ChangesSecretPersonas: Secret = "CHANGES_SECRET_PERSONAS",
    /// What the posts to seam's receiver are signed with.
    ChangesSecretSeam: Secret = "CHANGES_SECRET_SEAM",
    /// What the posts to falcon's receiver are signed with.
    ChangesSecretFalcon: Secret = "CHANGES_SECRET_FALCON",
    /// What the posts to django's receiver are signed with.
    ChangesSecretDjango: Secret = "CHANGES_SECRET_DJANGO",
    /// Whether the hash of a new password is posted.
    ChangesHashes: Variable = "CHANGES_HASHES",
    /// How long the rows of the change feed are kept, in days.
    ChangesKeepDays: Variable = "CHANGES_KEEP_DAYS",
    /// Whether clients are told how long the database took.
    ServerTiming: Variable = "SERVER_TIMING",
}
