import { IconCheck, IconCircleX } from '@tabler/icons-react';
import type { Check } from '../../../shared/schema.ts';
import { useText } from '../../text/use-text.ts';

/** Results of a test, one line per check. */
export function Checks({ checks }: { readonly checks: readonly Check[] }) {
  const { t } = useText();
  return (
    <ul className="checks" role="status">
      {checks.map((check) => (
        <li key={`${check.check} ${check.detail}`}>
          {check.ok ? (
            <IconCheck className="ic sm copied" aria-hidden />
          ) : (
            <IconCircleX className="ic sm failed" aria-hidden />
          )}
          <span className="b5">
            {check.check}
            <span className="vh">: {t(check.ok ? 'check.ok' : 'check.failed')}</span>
          </span>
          <span className="x">{check.detail}</span>
        </li>
      ))}
    </ul>
  );
}
