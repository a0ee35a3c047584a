import { IconChevronRight } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import type { WireError } from '../../shared/errors.ts';
import { errorText } from '../text/error-texts.ts';
import { useText } from '../text/use-text.ts';

interface Props {
  readonly error: WireError;
  /** What failed, with the name; default: the message alone. */
  readonly what?: ReactNode;
  /** Where: step, client, time. The code is added. */
  readonly where?: ReactNode;
  /** The cure as a button. */
  readonly cure?: ReactNode;
}

/** An error in four parts: what failed, where, likely cause, what to do; the raw text is folded. The same everywhere. */
export function ErrorBlock({ error, what, where, cure }: Props) {
  const { t, language } = useText();
  const { cause, action } = errorText(language, error.code);
  return (
    <div>
      <dl className="err4">
        <dt>{t('error.what')}</dt>
        <dd>{what ?? error.message}</dd>
        <dt>{t('error.where')}</dt>
        <dd>
          {where !== undefined && <>{where}, </>}
          {t('error.code')} <span className="mono">{error.code}</span>
        </dd>
        <dt>{t('error.cause')}</dt>
        <dd>{cause}</dd>
        <dt>{t('error.action')}</dt>
        <dd>
          {action}
          {error.hint !== undefined && <div className="t2">{error.hint}</div>}
          {cure !== undefined && (
            <div className="row" style={{ marginTop: 6 }}>
              {cure}
            </div>
          )}
        </dd>
      </dl>
      <RawText error={error} />
    </div>
  );
}

function RawText({ error }: { readonly error: WireError }) {
  const { t } = useText();
  const [isOpen, setOpen] = useState(false);
  const lines = [error.message, error.field === undefined ? undefined : `field: ${error.field}`, error.cause].filter(
    (line) => line !== undefined,
  );
  return (
    <div style={{ marginTop: 8 }}>
      <button type="button" className="fold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <IconChevronRight className="ic sm turn" aria-hidden />
        {t('error.raw', { count: lines.length })}
      </button>
      {isOpen && <pre className="raw">{lines.join('\n')}</pre>}
    </div>
  );
}
