// A typed client of every operation that only uses fetch. tests/http/client.test.mjs generates schema.d.ts from the
// document and compiles this file with it. The file is never run. A line after `@ts-expect-error` must not compile.
import type { components, operations, paths } from './schema.js';

/** The body of a response or of a request, by its media type. */
type Content<T, Type extends string> = T extends { content: infer C }
  ? Type extends keyof C
    ? C[Type]
    : never
  : never;
type Request<O> = O extends { requestBody?: infer B } ? NonNullable<B> : never;
type Responses<O> = O extends { responses: infer R } ? R : never;
type PathOf<O> = O extends { parameters: { path: infer P extends object } } ? P : Record<string, never>;

/** Every documented response with a JSON body, distinguished by its status. */
type Reply<O> = {
  [Status in keyof Responses<O> & number]: {
    status: Status;
    body: Content<Responses<O>[Status], 'application/json'> | Content<Responses<O>[Status], 'application/problem+json'>;
  };
}[keyof Responses<O> & number];

type UpdatePath = { [P in keyof paths]: paths[P] extends { put: object } ? P : never }[keyof paths];
type Put<P extends UpdatePath> = paths[P] extends { put: infer O } ? O : never;
type JsonBody<P extends UpdatePath> = Content<Request<Put<P>>, 'application/json'>;
type FormBody<P extends UpdatePath> = Content<Request<Put<P>>, 'multipart/form-data'>;

const SERVER = 'http://localhost:8787';

const target = (path: string, parameters: object) =>
  Object.entries(parameters).reduce(
    (at, [name, value]) => at.replace(`{${name}}`, encodeURIComponent(String(value))),
    path,
  );

async function send<O>(path: string, init: RequestInit): Promise<Reply<O>> {
  const response = await fetch(SERVER + path, init);
  return { status: response.status, body: await response.json() } as Reply<O>;
}

export const put = <P extends UpdatePath>(path: P, parameters: PathOf<Put<P>>, body: JsonBody<P>, token: string) =>
  send<Put<P>>(target(path, parameters), {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

export function upload<P extends UpdatePath>(path: P, parameters: PathOf<Put<P>>, parts: FormBody<P>, token: string) {
  const body = new FormData();
  for (const [name, part] of Object.entries<string | Blob>(parts)) body.append(name, part);
  return send<Put<P>>(target(path, parameters), { method: 'PUT', headers: { authorization: `Bearer ${token}` }, body });
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Fails to compile unless the two types are identical. */
const same = <A, B>(..._: Equal<A, B> extends true ? [] : ['the types differ', A, B]) => {};

/** True if a type is `unknown` or contains a part that is. */
type HasUnknown<T> = unknown extends T
  ? true
  : T extends Blob
    ? false
    : T extends readonly (infer Item)[]
      ? HasUnknown<Item>
      : T extends object
        ? { [K in keyof T]-?: HasUnknown<T[K]> }[keyof T]
        : false;
type Bodies<T> = T extends { content: infer C } ? C[keyof C] : never;
type AllBodies = {
  [Id in keyof operations]:
    | Bodies<Request<operations[Id]>>
    | { [S in keyof Responses<operations[Id]>]: Bodies<Responses<operations[Id]>[S]> }[keyof Responses<operations[Id]>];
}[keyof operations];

// Nothing is unknown: no schema, no parameter and no body.
same<true extends HasUnknown<components['schemas']> ? true : false, false>();
same<true extends HasUnknown<AllBodies> ? true : false, false>();
same<true extends HasUnknown<{ [Id in keyof operations]: PathOf<operations[Id]> }> ? true : false, false>();

/** The operations that `everything` uses; a new one must be added there and here. */
type Used =
  | 'updatePersonaFoto'
  | 'updateOwnPersona'
  | 'updateUser'
  | 'updateOwnUser'
  | 'updateProfile'
  | 'getHealth'
  | 'headHealth'
  | 'getPicture'
  | 'headPicture';
same<keyof operations, Used>();

export async function everything(token: string, file: File): Promise<string[]> {
  const shown: string[] = [];

  const foto = await put('/api/personas/{id}/foto', { id: 5 }, { foto_url: 'https://example.com/a.jpg' }, token);
  if (foto.status === 200) shown.push(foto.body.foto_url ?? 'no photo', foto.body.created_at);
  else shown.push(foto.body.message);
  const stored = await upload('/api/personas/{id}/foto', { id: 5 }, { foto: file }, token);
  if (stored.status === 200) same<typeof stored.body, components['schemas']['Persona']>();

  const persona = await put('/api/personas/me', {}, { telefono: null, dni: '12345678' }, token);
  if (persona.status === 409) same<typeof persona.body.message, 'Error al actualizar perfil'>();

  const user = await put('/api/v1/users/{id}', { id: 7 }, { full_name: 'Jane Smith', roleId: 2 }, token);
  if (user.status === 200) {
    same<typeof user.body.data.idUser, number>();
    same<typeof user.body.data.roleName, string | null>();
    // The id in a response can be used in the next request.
    await put('/api/v1/users/{id}', { id: user.body.data.idUser }, { password: 'demo-password' }, token);
  } else if (user.status === 400) shown.push(user.body.message);

  const own = await put('/users', {}, { name: 'Jane Doe', image_path: null }, token);
  if (own.status === 200) same<typeof own.body.id, string>();
  if (own.status === 400) {
    const { message } = own.body;
    const [first] = Array.isArray(message) ? message : [message];
    same<typeof first, string | undefined>();
  }

  const profile = await put('/api/profile/{id}/update/', { id: 42 }, { first_name: 7, avatar: null }, token);
  if (profile.status === 200) same<typeof profile.body.number_phone, string | null>();
  if (profile.status === 400 && 'email' in profile.body) shown.push(...(profile.body.email ?? []));
  await upload('/api/profile/{id}/update/', { id: 42 }, { first_name: 'Alice', avatar: file }, token);
  await upload('/api/profile/{id}/update/', { id: 42 }, { avatar: new Blob() }, token);
  await upload('/api/profile/{id}/update/', { id: 42 }, { number_phone: '' }, token);

  const health = await send<operations['getHealth']>('/health', {});
  if (health.status === 503) shown.push(health.body.reason ?? health.body.status);
  await fetch(`${SERVER}/health`, { method: 'HEAD' } satisfies { method: Uppercase<'head' & keyof paths['/health']> });

  const key: PathOf<operations['getPicture']> = { account: '6', file: `${'0'.repeat(64)}.jpg` };
  const picture = await fetch(SERVER + target('/media/avatars/{account}/{file}', key));
  if (picture.ok) {
    const bytes: Content<Responses<operations['getPicture']>[200], 'image/jpeg'> = await picture.blob();
    shown.push(String(bytes.size));
  }
  same<PathOf<operations['headPicture']>, PathOf<operations['getPicture']>>();
  return shown;
}

/** Calls that must not compile. */
export async function mistakes(token: string) {
  // @ts-expect-error an id is a number
  await put('/api/v1/users/{id}', { id: '7' }, {}, token);
  // @ts-expect-error an id is a number
  await put('/api/profile/{id}/update/', { id: '42' }, {}, token);
  // @ts-expect-error an id is missing
  await put('/api/personas/{id}/foto', {}, { foto_url: 'https://example.com/a.jpg' }, token);
  // @ts-expect-error the URL is missing
  await put('/api/personas/{id}/foto', { id: 5 }, {}, token);
  // @ts-expect-error a name cannot be cleared
  await put('/api/personas/me', {}, { nombres: null }, token);
  // @ts-expect-error the path does not exist
  await put('/api/personas', {}, {}, token);
  // @ts-expect-error falcon refuses other fields
  await put('/users', {}, { password: 'secret' }, token);
  // @ts-expect-error a picture is a file
  await upload('/api/personas/{id}/foto', { id: 5 }, { foto: 'phone.jpg' }, token);
  // @ts-expect-error a picture is a file
  await upload('/api/profile/{id}/update/', { id: 42 }, { avatar: 'phone.jpg' }, token);
  // @ts-expect-error the endpoint accepts no form
  await upload('/users', {}, { name: 'Jane' }, token);
}
