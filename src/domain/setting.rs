/// The place where a setting is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// In `[vars]` of `wrangler.toml`.
    Variable,
    /// With `wrangler secret put`.
    Secret,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])* $variant:ident: $kind:ident = $name:literal,)*) => {
        /// A setting of a deployment. Tests compare this enum with the tables in the documentation and with
        /// `wrangler.toml`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Setting {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Setting {
            /// All settings.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns its name in the deployment.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns where it is configured.
            pub const fn kind(self) -> SettingKind {
                match self {
                    $(Self::$variant => SettingKind::$kind,)*
                }
            }
        }
    };
}

settings! {
    /// Secret that the login services sign tokens with.
    JwtSecret: Secret = "JWT_SECRET",
    /// Predecessor of `JWT_SECRET`.
    JwtSecretPrevious: Secret = "JWT_SECRET_PREVIOUS",
    /// Secret that seam's login service signs tokens with.
    JwtSecretSeam: Secret = "JWT_SECRET_SEAM",
    /// Predecessor of `JWT_SECRET_SEAM`.
    JwtSecretSeamPrevious: Secret = "JWT_SECRET_SEAM_PREVIOUS",
    /// Secret that falcon's login service signs tokens with.
    JwtSecretFalcon: Secret = "JWT_SECRET_FALCON",
    /// Predecessor of `JWT_SECRET_FALCON`.
    JwtSecretFalconPrevious: Secret = "JWT_SECRET_FALCON_PREVIOUS",
    /// Secret that django's login service signs tokens with.
    JwtSecretDjango: Secret = "JWT_SECRET_DJANGO",
    /// Predecessor of `JWT_SECRET_DJANGO`.
    JwtSecretDjangoPrevious: Secret = "JWT_SECRET_DJANGO_PREVIOUS",
    /// Interpretation of the ID in a bare `sub`.
    JwtSub: Variable = "JWT_SUB",
    /// Public keys of the login services that sign tokens with private keys.
    JwtJwks: Variable = "JWT_JWKS",
    /// URL that these keys are fetched from.
    JwtJwksUrl: Variable = "JWT_JWKS_URL",
    /// Required value of `iss`.
    JwtIssuer: Variable = "JWT_ISSUER",
    /// Value that `aud` must equal or contain.
    JwtAudience: Variable = "JWT_AUDIENCE",
    /// Maximum age of the authentication for a sensitive change, in seconds.
    FreshTokenSeconds: Variable = "FRESH_TOKEN_SECONDS",
    /// Enables the refusal of common passwords.
    PasswordBlocklist: Variable = "PASSWORD_BLOCKLIST",
    /// Origins whose pages may call Perfil from a browser.
    CorsAllowedOrigins: Variable = "CORS_ALLOWED_ORIGINS",
    /// Scheme, host and port of the URLs that Perfil writes into records.
    PublicOrigin: Variable = "PUBLIC_ORIGIN",
    /// URLs of the back ends that get the requests that Perfil does not handle.
    Origin: Variable = "ORIGIN",
    /// Updates that Perfil handles itself.
    TakeOver: Variable = "TAKE_OVER",
    /// Maximum size of a picture, in bytes.
    AvatarMaxBytes: Variable = "AVATAR_MAX_BYTES",
    /// Maximum size of a picture, in pixels.
    AvatarMaxPixels: Variable = "AVATAR_MAX_PIXELS",
    /// Minimum age of an object that the sweep removes, in hours.
    AvatarGraceHours: Variable = "AVATAR_GRACE_HOURS",
    /// URLs that changes are posted to.
    ChangesUrl: Variable = "CHANGES_URL",
    /// Secret that signs these posts.
    ChangesSecret: Secret = "CHANGES_SECRET",
    /// Secret that signs posts to personas' receiver.
    ChangesSecretPersonas: Secret = "CHANGES_SECRET_PERSONAS",
    /// Secret that signs posts to seam's receiver.
    ChangesSecretSeam: Secret = "CHANGES_SECRET_SEAM",
    /// Secret that signs posts to falcon's receiver.
    ChangesSecretFalcon: Secret = "CHANGES_SECRET_FALCON",
    /// Secret that signs posts to django's receiver.
    ChangesSecretDjango: Secret = "CHANGES_SECRET_DJANGO",
    /// Enables posting the hash of a new password.
    ChangesHashes: Variable = "CHANGES_HASHES",
    /// Retention of the change feed's rows, in days.
    ChangesKeepDays: Variable = "CHANGES_KEEP_DAYS",
    /// Enables the `Server-Timing` header, which tells clients how long the database took.
    ServerTiming: Variable = "SERVER_TIMING",
}
