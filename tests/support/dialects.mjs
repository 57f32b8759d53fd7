// Every update endpoint, and each dialect's wording of the refusals that all share. A test that applies to every
// endpoint is written once, over this table.

const SPANISH = {
  noToken: 'Token requerido',
  badToken: 'Token inválido o expirado',
  gone: 'Token inválido o expirado',
  inactive: 'Token inválido o expirado',
  badHeader: 'Token inválido o expirado',
  forbidden: 'No tienes permisos para acceder a este recurso',
  malformed: 'El cuerpo de la petición debe ser un objeto JSON válido',
  notObject: 'El cuerpo de la petición debe ser un objeto JSON válido',
  tooLarge: 'El cuerpo de la petición es demasiado grande',
  unsupported: 'Tipo de contenido no soportado',
  wrongMethod: 'Método no permitido',
  unknownPath: 'Ruta no encontrada',
  tooMany: 'Demasiadas peticiones',
  tooSlow: 'La petición tardó demasiado en llegar',
};
const inSpanish = (shape) =>
  Object.fromEntries(Object.entries(SPANISH).map(([key, message]) => [key, () => shape(message)]));

export const seam = (message) => ({ success: false, message, data: null });
export const falcon = (statusCode, error, message = error) => ({ message, error, statusCode });
const badRequest = (message) => falcon(400, 'Bad Request', message);

/**
 * The body of each refusal, by dialect. `unsupported` takes the content type, `wrongMethod` the method, and `notObject`
 * Python's name of the type.
 */
export const REFUSALS = {
  personas: { ...inSpanish((message) => ({ message })), badForm: () => ({ message: 'El formulario no es válido' }) },
  seam: inSpanish(seam),
  falcon: {
    noToken: () => falcon(401, 'Unauthorized', 'Invalid token'),
    badToken: () => falcon(401, 'Unauthorized', 'Invalid token'),
    gone: () => falcon(401, 'Unauthorized', 'Invalid token'),
    inactive: () => falcon(401, 'Unauthorized', 'Invalid token'),
    badHeader: () => falcon(401, 'Unauthorized', 'Invalid token'),
    malformed: () => badRequest('Request body must be a valid JSON object'),
    badForm: () => badRequest('Request body must be a valid form'),
    notObject: () => badRequest('Request body must be a valid JSON object'),
    tooLarge: () => falcon(413, 'Payload Too Large'),
    unsupported: () => falcon(415, 'Unsupported Media Type'),
    wrongMethod: () => falcon(405, 'Method Not Allowed'),
    unknownPath: () => falcon(404, 'Not Found'),
    tooMany: () => falcon(429, 'Too Many Requests'),
    tooSlow: () => falcon(408, 'Request Timeout'),
  },
  django: {
    noToken: () => ({ detail: 'Authentication credentials were not provided.' }),
    badToken: () => ({
      detail: 'Given token not valid for any token type',
      code: 'token_not_valid',
      messages: [{ token_class: 'AccessToken', token_type: 'access', message: 'Token is invalid or expired' }],
    }),
    gone: () => ({ detail: 'User not found', code: 'user_not_found' }),
    inactive: () => ({ detail: 'User is inactive', code: 'user_inactive' }),
    badHeader: () => ({
      detail: 'Authorization header must contain two space-delimited values',
      code: 'bad_authorization_header',
    }),
    malformed: () => ({ detail: 'JSON parse error' }),
    badForm: () => ({ detail: 'Multipart form parse error' }),
    notObject: (kind) => ({
      non_field_errors: [
        kind === 'null' ? 'No data provided' : `Invalid data. Expected a dictionary, but got ${kind}.`,
      ],
    }),
    tooLarge: () => ({ detail: 'Request body too large.' }),
    unsupported: (type) => ({ detail: `Unsupported media type "${type}" in request.` }),
    wrongMethod: (method) => ({ detail: `Method "${method}" not allowed.` }),
    unknownPath: () => ({ detail: 'Not found.' }),
    tooSlow: () => ({ detail: 'Request timed out.' }),
    tooMany: () => ({ detail: 'Request was throttled. Expected available in 60 seconds.' }),
  },
};

/**
 * Add new routes at the end: some tests select routes by position.
 *
 * Account 6 may call all of them and owns persona 6. `path(id)` is the path, with `id` if the route has one. `good` is
 * a body that is accepted, and `empty` the status for `{}` with the body if that is refused. `failure` is the body of a
 * 500. `upload` is the part of a form that contains a picture, if the route accepts forms.
 */
export const ROUTES = [
  {
    name: 'PUT /api/personas/:id/foto',
    dialect: 'personas',
    ids: 'P4',
    path: (id = 6) => `/api/personas/${id}/foto`,
    upload: 'foto',
    good: { foto_url: 'https://example.com/luis.jpg' },
    empty: [400, { message: "El campo 'foto_url' es requerido" }],
    failure: { message: 'Error al actualizar foto' },
  },
  {
    name: 'PUT /api/personas/me',
    dialect: 'personas',
    ids: 'P8',
    path: () => '/api/personas/me',
    good: { nombres: 'Luis Ángel' },
    empty: [200],
    failure: { message: 'Error al actualizar perfil' },
  },
  {
    name: 'PUT /api/v1/users/:id',
    dialect: 'seam',
    ids: 'R9',
    path: (id = 6) => `/api/v1/users/${id}`,
    good: { full_name: 'Luis Pérez' },
    empty: [200],
    failure: seam('Error interno del servidor'),
  },
  {
    name: 'PUT /users',
    dialect: 'falcon',
    ids: 'R9',
    path: () => '/users',
    good: { name: 'Luis Pérez' },
    empty: [400, badRequest('No fields provided to update')],
    failure: falcon(500, 'Internal Server Error', 'Internal server error'),
  },
  {
    name: 'PUT /api/profile/:id/update/',
    dialect: 'django',
    ids: 'D6',
    path: (id = 6) => `/api/profile/${id}/update/`,
    upload: 'avatar',
    good: { first_name: 'Luis' },
    empty: [200],
    failure: { error: 'Internal server error' },
  },
].map((route) => ({ ...route, refusals: REFUSALS[route.dialect] }));

export const INVALID_TOKEN = 'Bearer error="invalid_token"';
export const problem = (status, title) => ({ type: 'about:blank', title, status });
