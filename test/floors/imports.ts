import { parseAst } from 'rolldown/parseAst';

export interface ImportFound {
  source: string;
  /** Erased by the compiler: it makes no cycle at run time. */
  typeOnly: boolean;
}

interface Specifier {
  importKind?: string;
  exportKind?: string;
}
interface Statement {
  type: string;
  source?: { value?: unknown } | null;
  importKind?: string;
  exportKind?: string;
  specifiers?: Specifier[];
}

/** Static imports and re-exports of a TypeScript file, and its `import('…')` with a literal. */
export function readImports(code: string, file: string): ImportFound[] {
  const program = parseAst(code, { lang: file.endsWith('x') ? 'tsx' : 'ts' }) as unknown as { body: Statement[] };
  const found = program.body.flatMap((statement) => {
    const source = statement.source?.value;
    return typeof source === 'string' ? [{ source, typeOnly: isTypeOnly(statement) }] : [];
  });
  const dynamic = [...code.matchAll(/\bimport\(\s*'([^']+)'\s*\)/gu)].map((match) => ({
    source: match[1] ?? '',
    typeOnly: true,
  }));
  return [...found, ...dynamic];
}

function isTypeOnly({ importKind, exportKind, specifiers = [] }: Statement): boolean {
  if (importKind === 'type' || exportKind === 'type') return true;
  return (
    specifiers.length > 0 &&
    specifiers.every((specifier) => specifier.importKind === 'type' || specifier.exportKind === 'type')
  );
}
