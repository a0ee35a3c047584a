import { IconCircleCheck, IconCircleX, IconX } from '@tabler/icons-react';
import type { WireError } from '../../shared/errors.ts';
import { errorText } from '../text/error-texts.ts';
import { useText } from '../text/use-text.ts';

interface Props {
  readonly error: WireError;
  /** What failed; default: the engine's message. */
  readonly title?: string | undefined;
}

/** An error beside the thing a person looks at: what failed, then what to do. */
export function ErrorLine({ error, title }: Props) {
  const { language } = useText();
  const { action } = errorText(language, error.code);
  return (
    <div className="al" role="alert">
      <IconCircleX className="ic" aria-hidden />
      <b>{title ?? error.message}</b>
      {title !== undefined && <span>{error.message}</span>}
      <span>{error.hint ?? action}</span>
    </div>
  );
}

/** The same over a whole page, with a way to put it away. */
export function ErrorStrip({ error, title, onClose }: Props & { readonly onClose: () => void }) {
  const { t, language } = useText();
  return (
    <div className="stale bad" role="alert">
      <IconCircleX className="ic" aria-hidden />
      <span>
        <b>{title === undefined ? error.message : `${title}: ${error.message}`}</b>{' '}
        {error.hint ?? errorText(language, error.code).action}
      </span>
      <span className="sp" />
      <button type="button" className="btn sm q ico" aria-label={t('common.close')} onClick={onClose}>
        <IconX className="ic sm" aria-hidden />
      </button>
    </div>
  );
}

/** What an action came to, over a whole page. */
export function NoticeStrip({ words, onClose }: { readonly words: string; readonly onClose: () => void }) {
  const { t } = useText();
  return (
    <div className="stale told" role="status">
      <IconCircleCheck className="ic" aria-hidden />
      <span>{words}</span>
      <span className="sp" />
      <button type="button" className="btn sm q ico" aria-label={t('common.close')} onClick={onClose}>
        <IconX className="ic sm" aria-hidden />
      </button>
    </div>
  );
}
