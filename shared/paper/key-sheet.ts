import { renderSVG, renderUnicodeCompact } from 'uqr';
import type { KeyExport } from '../model/maintenance.ts';

/** What stands on the sheet besides the key. */
export interface KeySheetFacts extends KeyExport {
  pool: string;
  location: string;
  /** Epoch ms. */
  printedAt: number;
}

const steps = [
  'This sheet is of use only together with the password of this key. Keep the two in different places.',
  'It is needed when the repository has lost its folder "keys".',
  'Put the text of the key, without line breaks, into a file in the folder "keys" of the repository.',
  'The name of the file is the key ID above, which is the SHA-256 of the text (sha256sum FILE).',
  'Any restic, and Holdfast, then opens the repository with the password.',
];
const lineLength = 64;

/** The sheet as plain text, with the code in block characters. */
export function keySheetText(facts: KeySheetFacts): string {
  const rows = factRows(facts).map(([name, value]) => `${name.padEnd(12)} ${value}`);
  const text = cut(facts.text).join('\n');
  const how = steps.map((step, index) => `${index + 1}. ${step}`).join('\n');
  return [...rows, '', 'Key', text, '', renderUnicodeCompact(facts.text), '', how, ''].join('\n');
}

/** The sheet as one HTML page without scripts, for printing. */
export function keySheetHtml(facts: KeySheetFacts): string {
  const rows = factRows(facts).map(([name, value]) => `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`);
  const how = steps.map((step) => `<li>${escape(step)}</li>`).join('');
  const code = renderSVG(facts.text, { pixelSize: 4 });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Key of ${escape(facts.pool)}</title><style>${style}</style>
<h1>Key of the repository in pool ${escape(facts.pool)}</h1><table>${rows.join('')}</table>
<pre>${escape(cut(facts.text).join('\n'))}</pre><div class="code">${code}</div><ol>${how}</ol></html>
`;
}

const style =
  'body{font:11pt/1.45 system-ui,sans-serif;margin:2cm;color:#000;background:#fff}h1{font-size:15pt}th{text-align:left;padding-right:1.5em;font-weight:600;white-space:nowrap;vertical-align:top}td,pre{font-family:ui-monospace,monospace;font-size:9.5pt;word-break:break-all}pre{border:1px solid #999;padding:8pt}.code svg{width:7cm;height:7cm}';

function factRows({ pool, location, repositoryId, keyId, printedAt }: KeySheetFacts): Array<[string, string]> {
  return [
    ['Pool', pool],
    ['Place', location],
    ['Repository', repositoryId],
    ['Key ID', keyId],
    ['Printed', new Date(printedAt).toISOString()],
  ];
}

function cut(text: string): string[] {
  return text.match(new RegExp(`.{1,${lineLength}}`, 'gsu')) ?? [];
}

function escape(text: string): string {
  return text.replace(/[&<>"]/gu, (sign) => `&#${sign.codePointAt(0)};`);
}
