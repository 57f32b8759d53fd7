// Generates a client's types from the document with openapi-typescript, as a team that moves its client over would.
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const BLOB = ts.factory.createTypeReferenceNode('Blob');

/**
 * OpenAPI has no type for files. A file is a string of the format `binary`, which only a transformation can turn into a
 * type that FormData accepts.
 */
const transform = (schema) => (schema.format === 'binary' ? BLOB : undefined);

/** The text of a `.d.ts` file. */
export const generate = async (document) => astToString(await openapiTS(structuredClone(document), { transform }));
