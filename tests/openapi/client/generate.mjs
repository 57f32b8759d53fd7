// Generates a client's types from the document with openapi-typescript, as a team would that moves its client over.
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const BLOB = ts.factory.createTypeReferenceNode('Blob');

/**
 * OpenAPI has no name for a file: it is a text of the format `binary`, which only a transformation can turn into what
 * FormData takes.
 */
const transform = (schema) => (schema.format === 'binary' ? BLOB : undefined);

/** The text of a `.d.ts` file. */
export const generate = async (document) => astToString(await openapiTS(structuredClone(document), { transform }));
