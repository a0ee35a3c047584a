import type { ReactNode } from 'react';
import type { Action } from '../action.ts';

/** One column of a list. */
export interface GridColumn<Row> {
  readonly id: string;
  readonly head: string;
  /** The full word, when the head is shortened. */
  readonly headTitle?: string;
  /** Least width in px. */
  readonly width: number;
  /** Share of the width that is left over; without it the column keeps its width. */
  readonly grow?: number;
  readonly align?: 'right';
  /** 0 stays always; the highest number is dropped first when the list is narrow. */
  readonly priority: number;
  /** Raw value for sorting and export; a column without it is not sortable. */
  readonly value?: (row: Row) => string | number | null;
  readonly cell: (row: Row) => ReactNode;
}

/** Rows under a head line; with `cells` the head is a row of its own that opens and closes. */
export interface GridGroups<Row> {
  readonly keyOf: (row: Row) => string;
  /** Order of the groups; default: as their first rows come. */
  readonly order?: readonly string[];
  readonly label: (key: string, rows: readonly Row[]) => ReactNode;
  /** Cells of a head line that opens and closes, by column. */
  readonly cells?: (key: string, rows: readonly Row[], isOpen: boolean) => Readonly<Record<string, ReactNode>>;
  readonly isOpen?: (key: string) => boolean;
  readonly toggle?: (key: string) => void;
}

/** What a row shows when it is opened. */
export interface GridDetail<Row> {
  readonly isOpen: (row: Row) => boolean;
  readonly toggle: (row: Row) => void;
  readonly render: (row: Row) => ReactNode;
}

export interface GridProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly GridColumn<Row>[];
  readonly idOf: (row: Row) => string;
  /** What a row is called, for the name of its menu button. */
  readonly nameOf: (row: Row) => string;
  /** Column to sort by, with `-` in front for descending; empty: as the rows come. */
  readonly sort: string;
  readonly onSort: (sort: string) => void;
  readonly selectedId?: string | undefined;
  /** Click, Enter or Space on a row. */
  readonly onSelect?: (row: Row) => void;
  /** The panel follows the row while it is open. */
  readonly followFocus?: boolean;
  readonly actions?: ((row: Row) => readonly Action[]) | undefined;
  readonly rowClass?: (row: Row) => string;
  readonly twoLine?: boolean;
  readonly groups?: GridGroups<Row>;
  readonly detail?: GridDetail<Row>;
  /** Shown instead of the rows when there are none. */
  readonly empty: ReactNode;
  readonly isLoading?: boolean;
  /** Told which columns did not fit. */
  readonly onHidden?: (count: number) => void;
}
