//! Messages that the two Spanish-speaking back ends share word for word.

use crate::domain::{InvalidField, Rule};

pub const NO_TOKEN: &str = "Token requerido";
pub const BAD_TOKEN: &str = "Token inválido o expirado";
pub const FORBIDDEN: &str = "No tienes permisos para acceder a este recurso";
pub const NO_ROUTE: &str = "Ruta no encontrada";
pub const METHOD_NOT_ALLOWED: &str = "Método no permitido";
pub const TOO_MANY_REQUESTS: &str = "Demasiadas peticiones";
pub const TOO_SLOW: &str = "La petición tardó demasiado en llegar";
pub const TOO_LARGE: &str = "El cuerpo de la petición es demasiado grande";
pub const UNSUPPORTED_MEDIA_TYPE: &str = "Tipo de contenido no soportado";
pub const MALFORMED: &str = "El cuerpo de la petición debe ser un objeto JSON válido";
pub const MALFORMED_FORM: &str = "El formulario no es válido";
pub const NO_SUCH_ROLE: &str = "El campo 'roleId' no corresponde a un rol existente";
pub const NOTHING_TO_UPDATE: &str = "No hay campos para actualizar";

/// Renders all violations as one text (contract S2).
pub fn violations(violations: &[InvalidField]) -> String {
    let all: Vec<String> = violations.iter().map(violation_message).collect();
    all.join(". ")
}

fn violation_message(InvalidField { field, rule }: &InvalidField) -> String {
    let message = match rule {
        Rule::Required => "es requerido",
        Rule::NotNull => "no puede ser nulo",
        Rule::Text => "debe ser un texto",
        Rule::Number => "debe ser un número",
        Rule::PathNumber => "debe ser numérico",
        Rule::TooShort { min, max } | Rule::TooLong { min, max } => {
            return format!("El campo '{field}' debe tener entre {min} y {max} caracteres");
        }
        Rule::ControlCharacter => "contiene caracteres no permitidos",
        Rule::CommonPassword => "contiene una contraseña demasiado común",
        Rule::Email => "debe tener un formato de correo válido",
        Rule::Username | Rule::Phone | Rule::NationalId | Rule::Url | Rule::ImagePath => "tiene un formato inválido",
        Rule::File => "debe ser un archivo",
        Rule::NotEmpty => "está vacío",
        Rule::Image => "debe ser una imagen JPEG, PNG, GIF o WebP válida",
        Rule::Unknown => "no está permitido",
    };
    format!("El campo '{field}' {message}")
}
