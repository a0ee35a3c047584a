import { IconDownload, IconFileTypeCsv, IconJson } from '@tabler/icons-react';
import { useText } from '../../text/use-text.ts';
import type { Action } from '../action.ts';
import { DropMenu } from '../action-menu.tsx';
import { saveFile, toCsv } from '../save-file.ts';
import type { GridColumn } from './grid-types.ts';

interface Props<Row> {
  /** Start of the file's name. */
  readonly name: string;
  readonly rows: readonly Row[];
  readonly columns: readonly GridColumn<Row>[];
}

/** Saves the shown rows with raw values: sizes in bytes, times as epoch ms. */
export function ExportMenu<Row>({ name, rows, columns }: Props<Row>) {
  const { t } = useText();
  const saved = columns.filter((column) => column.value !== undefined);
  const values = () => rows.map((row) => saved.map((column) => column.value?.(row) ?? null));
  const saveCsv = () =>
    saveFile(
      `${name}.csv`,
      'text/csv',
      `\ufeff${toCsv(
        saved.map((column) => column.id),
        values(),
      )}`,
    );
  const saveJson = () => {
    const objects = values().map((row) => Object.fromEntries(saved.map((column, index) => [column.id, row[index]])));
    saveFile(`${name}.json`, 'application/json', `${JSON.stringify(objects, null, 2)}\n`);
  };
  const actions: Action[] = [
    { id: 'csv', label: t('common.saveCsv'), icon: IconFileTypeCsv, run: saveCsv },
    { id: 'json', label: t('common.saveJson'), icon: IconJson, run: saveJson },
  ];
  return (
    <DropMenu actions={actions}>
      <button type="button" className="btn q sm ico" aria-label={t('common.export')} title={t('common.export')}>
        <IconDownload className="ic" aria-hidden />
      </button>
    </DropMenu>
  );
}
