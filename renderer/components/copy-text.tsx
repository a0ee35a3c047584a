import { IconCheck, IconClipboard } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useText } from '../text/use-text.ts';

interface Props {
  readonly text: string;
  /** Takes the whole line and wraps. */
  readonly block?: boolean;
}

/** A command or value to copy. Where the clipboard is denied the text can still be selected. */
export function CopyText({ text, block }: Props) {
  const { t } = useText();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  return (
    <span className={block === true ? 'cmd block' : 'cmd'}>
      <code>{text}</code>
      <button type="button" aria-label={t('common.copy')} title={t('common.copy')} onClick={() => void copy()}>
        {isCopied ? (
          <IconCheck className="ic sm copied" aria-hidden />
        ) : (
          <IconClipboard className="ic sm" aria-hidden />
        )}
      </button>
      <span className="vh" role="status">
        {isCopied ? t('common.copied') : ''}
      </span>
    </span>
  );
}
