import { FileButton, Textarea } from '@mantine/core';
import { useText } from '../../text/use-text.ts';

interface Props {
  /** What the form and its row give the field. */
  readonly input: object;
  readonly onFile: (text: string) => void;
}

/** A private key, pasted or read from a file of this computer. */
export function KeyField({ input, onFile }: Props) {
  const { t } = useText();
  const read = async (file: File | null) => {
    if (file !== null) onFile(await file.text());
  };
  return (
    <div style={{ display: 'grid', gap: 6, justifyItems: 'start' }}>
      <Textarea
        {...input}
        w="100%"
        classNames={{ input: 'mono' }}
        // The form's fields are one line high unless they say otherwise.
        styles={{ input: { height: 96 } }}
        spellCheck={false}
      />
      <FileButton onChange={(file) => void read(file)}>
        {({ onClick }) => (
          <button type="button" className="btn sm" onClick={onClick}>
            {t('ssh.chooseFile')}
          </button>
        )}
      </FileButton>
    </div>
  );
}
