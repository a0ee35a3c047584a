/** The text of docs/errors.md. */
export function errorDocs(): Promise<string>;
