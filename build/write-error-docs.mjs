// Writes docs/errors.md from the table of codes and their English help; a test keeps both equal.
import { readFile, writeFile } from 'node:fs/promises';

const root = new URL('..', import.meta.url);

export async function errorDocs() {
  const { errorClasses } = await import('../shared/errors.ts');
  const help = JSON.parse(await readFile(new URL('assets/locales/errors.en.json', root), 'utf8'));
  const exits = { usage: 2, rights: 3, failure: 1 };
  const rows = Object.entries(errorClasses).map(
    ([code, kind]) => `| \`${code}\` | ${exits[kind]} | ${help[code].cause} | ${help[code].action} |`,
  );
  return `# Error codes

Codes are stable; the message beside them holds the values. *Exit* is the exit code of the command lines. This page is
written by \`node build/write-error-docs.mjs\`.

| Code | Exit | Likely cause | What to do |
|---|---|---|---|
${rows.join('\n')}
`;
}

if (import.meta.main) await writeFile(new URL('docs/errors.md', root), await errorDocs());
