import { IconX } from '@tabler/icons-react';
import { useText } from '../text/use-text.ts';

/** A filter that is on: grey field, dark value, × last. */
export function FilterChip({
  field,
  value,
  onClear,
}: {
  readonly field: string;
  readonly value: string;
  readonly onClear: () => void;
}) {
  const { t } = useText();
  return (
    <span className="fchip">
      <span className="k">{field}</span>
      <span className="el">{value}</span>
      <button type="button" aria-label={t('common.clearFilter', { field })} onClick={onClear}>
        <IconX className="ic xs" aria-hidden />
      </button>
    </span>
  );
}
