import type { GridColumn } from '../../components/grid/grid-types.ts';

interface NamedRow {
  readonly name: string;
}
interface ServedRow {
  readonly clients: ReadonlyArray<{ readonly name: string }>;
}

/** The name of a record; never dropped. */
export function nameColumn<Row extends NamedRow>(head: string, width: number): GridColumn<Row> {
  return {
    id: 'name',
    head,
    width,
    grow: 1,
    priority: 0,
    value: (row) => row.name,
    cell: (row) => (
      <span className="b5" title={row.name}>
        {row.name}
      </span>
    ),
  };
}

/** The clients that serve a record. */
export function clientsColumn<Row extends ServedRow>(head: string, priority: number): GridColumn<Row> {
  return {
    id: 'clients',
    head,
    width: 135,
    grow: 1,
    priority,
    cell: (row) => <span className="t2">{row.clients.map(({ name }) => name).join(', ')}</span>,
  };
}
