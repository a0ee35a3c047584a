import { describe, expect, it } from 'vitest';
import { hexPairs } from '../../renderer/components/fingerprint.tsx';
import { buildItems } from '../../renderer/components/grid/grid-items.ts';
import type { GridColumn } from '../../renderer/components/grid/grid-types.ts';
import { fitColumns } from '../../renderer/components/grid/use-fitting-columns.ts';
import { csvCell, toCsv } from '../../renderer/components/save-file.ts';
import { formatOf } from '../../renderer/text/format.ts';
import { toLanguage } from '../../renderer/text/languages.ts';
import { groupOf, tabStates } from '../../renderer/views/tasks/task-tabs.ts';
import { taskStates } from '../../shared/model/task.ts';

const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/gu, ' ');

describe('numbers and times', () => {
  it.each([
    [0, '0 B'],
    [1023, '1,023 B'],
    [1024, '1.00 KiB'],
    [1536 * 1024, '1.50 MiB'],
    [220 * 1024 ** 3, '220 GiB'],
    [1.2 * 1024 ** 4, '1.20 TiB'],
    [1023 * 1024 ** 3, '1,023 GiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(plain(formatOf('en').bytes(bytes))).toBe(text);
  });
  it.each([
    [30_000, 'now'],
    [5 * 60_000, '5 min'],
    [74 * 60_000, '1 h 14'],
    [(24 * 60 + 7) * 60_000, '24 h 07'],
    [49 * 3_600_000, '2 d'],
  ])('%d ms ago is %s', (span, text) => {
    expect(plain(formatOf('en').span(span))).toBe(text);
  });
  it('follows the language', () => {
    expect(plain(formatOf('ru').bytes(80.5 * 1024 ** 3))).toBe('80,5 ГиБ');
    expect(plain(formatOf('ru').percent(64.3))).toBe('64,3 %');
    expect(plain(formatOf('zh').span(74 * 60_000))).toBe('1 小时 14 分');
    expect(plain(formatOf('en').left(129))).toBe('2 min 09 s');
    expect(formatOf('en').clock(3_977_000)).toBe('1:06:17');
  });
  it('orders names as people do', () => {
    expect(['vm-10', 'vm-9', 'VM-1'].toSorted(formatOf('en').compare)).toEqual(['VM-1', 'vm-9', 'vm-10']);
  });
  it('knows the languages', () => {
    expect([toLanguage('ru-RU'), toLanguage('zh_CN'.replace('_', '-')), toLanguage('de'), toLanguage(null)]).toEqual([
      'ru',
      'zh',
      undefined,
      undefined,
    ]);
  });
});

describe('export', () => {
  it('quotes what CSV needs quoted and defuses formulas', () => {
    expect(
      toCsv(
        ['a', 'b'],
        [
          ['x,"y"', 3],
          ['=1+1', null],
        ],
      ),
    ).toBe('a,b\r\n"x,""y""",3\r\n\'=1+1,\r\n');
    expect(csvCell(-5)).toBe('-5');
  });
});

describe('lists', () => {
  const column = (id: string, width: number, priority: number): GridColumn<object> => ({
    id,
    head: id,
    width,
    priority,
    cell: () => null,
  });
  it('drops the least important columns, never the first ones', () => {
    const columns = [column('name', 200, 0), column('big', 300, 1), column('small', 50, 3), column('odd', 90, 2)];
    expect(fitColumns(columns, 1000).map(({ id }) => id)).toEqual(['name', 'big', 'small', 'odd']);
    expect(fitColumns(columns, 560).map(({ id }) => id)).toEqual(['name', 'big', 'small']);
    expect(fitColumns(columns, 100).map(({ id }) => id)).toEqual(['name']);
  });
  it('puts rows under their group and details under their row', () => {
    const rows = [
      { id: 'a', group: 'x' },
      { id: 'b', group: 'y' },
      { id: 'c', group: 'x' },
    ];
    const items = buildItems(
      rows,
      (row) => row.id,
      { keyOf: (row) => row.group, order: ['y'], label: (key) => key, isOpen: () => true },
      { isOpen: (row) => row.id === 'c', toggle: () => undefined, render: () => null },
    );
    expect(items.map((item) => (item.kind === 'group' ? item.key : `${item.kind} ${item.id}`))).toEqual([
      'y',
      'row b',
      'x',
      'row a',
      'row c',
      'detail c',
    ]);
  });
});

describe('small rules', () => {
  it('shows a fingerprint as 32 pairs', () => {
    expect(hexPairs(`SHA256:${btoa('\u0000\u00ff'.repeat(16)).replace(/=+$/u, '')}`)).toEqual(
      Array.from({ length: 16 }, () => ['00', 'FF']).flat(),
    );
    expect(hexPairs('SHA256:…')).toEqual([]);
  });
  it('gives every task state a tab, and unseen failures to a person', () => {
    const covered = new Set(Object.values(tabStates).flat());
    expect(taskStates.filter((state) => !covered.has(state))).toEqual([]);
    expect(groupOf({ state: 'failed', unseen: true })).toBe('person');
    expect(groupOf({ state: 'failed', unseen: false })).toBe('finished');
  });
});
