import { median, medianRatio } from './measure.ts';

/** One line of the table: ours and a peer over the same pairs. */
export interface Row {
  work: string;
  settings: string;
  peer: string;
  ours: number[];
  theirs: number[];
  /** What the issue aims at; undefined = shown for information. */
  aim: number | undefined;
  unit: 's' | 'MiB';
}

function shown(values: readonly number[], unit: Row['unit']): string {
  const value = median(values);
  return unit === 's' ? `${(value / 1000).toFixed(2)} s` : `${(value / 1024 ** 2).toFixed(0)} MiB`;
}

/** Markdown: medians, the median of the paired ratios, and the aim. */
export function tableOf(rows: readonly Row[]): string {
  const head = '| work | settings | ours | peer | theirs | ratio | aim |\n|---|---|---|---|---|---|---|';
  const measured = rows.filter(({ ours, theirs }) => ours.length > 0 && theirs.length > 0);
  const lines = measured.map(({ work, settings, peer, ours, theirs, aim, unit }) => {
    const ratio = medianRatio(ours, theirs);
    const verdict = aim === undefined ? '' : `≤ ${aim.toFixed(2)}${ratio <= aim ? '' : ' **missed**'}`;
    return `| ${work} | ${settings} | ${shown(ours, unit)} | ${peer} | ${shown(theirs, unit)} | ${ratio.toFixed(2)} | ${verdict} |`;
  });
  return [head, ...lines].join('\n');
}
