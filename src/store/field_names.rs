//! The field names that each receiver of the change feed uses: those of its back end's own endpoint (contract C2).

use crate::domain::{BackEnd, Receiver};

/// Returns the receiver's names as JSON, for [`super::deliveries::READ_CHANGES`]. `fields` maps each column that the
/// receiver has a field for to the name of that field. `account` and `persona` map each name in a record to the source
/// of its value.
pub fn of(receiver: Receiver) -> &'static str {
    match receiver {
        Receiver::All => ALL,
        Receiver::Personas => PERSONAS,
        Receiver::BackEnd(BackEnd::Seam) => SEAM,
        Receiver::BackEnd(BackEnd::Falcon) => FALCON,
        Receiver::BackEnd(BackEnd::Django) => DJANGO,
    }
}

const SEAM: &str = r#"{
  "fields": {"full_name": "full_name", "email": "email", "role_id": "roleId", "password_hash": "password"},
  "account": {
    "idUser": "id", "full_name": "full_name", "email": "email", "roleId": "role_id", "isActive": "is_active"}
}"#;

const FALCON: &str = r#"{
  "fields": {
    "email": "email", "full_name": "name", "username": "username", "image": "image_path", "password_hash": "password"},
  "account": {
    "id": "id", "email": "email", "name": "full_name", "username": "username", "image_path": "image_or_default",
    "role_id": "back_end_role"}
}"#;

const DJANGO: &str = r#"{
  "fields": {
    "username": "username", "email": "email", "first_name": "first_name", "last_name": "last_name",
    "number_phone": "number_phone", "image": "avatar", "password_hash": "password"},
  "account": {
    "id": "id", "username": "username", "email": "email", "first_name": "first_name", "last_name": "last_name",
    "number_phone": "number_phone", "avatar": "image_url_path", "is_active": "is_active"}
}"#;

const PERSONAS: &str = r#"{
  "fields": {
    "nombres": "nombres", "apellidos": "apellidos", "telefono": "telefono", "dni": "dni", "foto_url": "foto_url"},
  "persona": {
    "id": "id", "nombres": "nombres", "apellidos": "apellidos", "telefono": "telefono", "dni": "dni",
    "foto_url": "foto_url"}
}"#;

/// The names of the columns.
const ALL: &str = r#"{
  "fields": {
    "username": "username", "email": "email", "full_name": "full_name", "first_name": "first_name",
    "last_name": "last_name", "number_phone": "number_phone", "image": "image", "role_id": "role_id",
    "password_hash": "password_hash", "nombres": "nombres", "apellidos": "apellidos", "telefono": "telefono",
    "dni": "dni", "foto_url": "foto_url"},
  "account": {
    "id": "id", "identities": "identities", "username": "username", "email": "email", "full_name": "full_name",
    "first_name": "first_name", "last_name": "last_name", "number_phone": "number_phone", "image": "image",
    "role_id": "role_id", "is_active": "is_active", "is_staff": "is_staff", "is_superuser": "is_superuser",
    "created_at": "created_at", "updated_at": "updated_at", "last_login": "last_login"},
  "persona": {
    "id": "id", "user_id": "user_id", "nombres": "nombres", "apellidos": "apellidos", "telefono": "telefono",
    "dni": "dni", "foto_url": "foto_url", "created_at": "created_at"}
}"#;
