import {
  AbstractMessageReader,
  AbstractMessageWriter,
  type DataCallback,
  type Disposable,
  Message,
  type MessageReader,
  type MessageWriter,
} from 'vscode-jsonrpc';
import { hasCode, messageOf, toWireError } from '../errors.ts';
import type { Channel } from './channel.ts';

class ChannelReader extends AbstractMessageReader implements MessageReader {
  private readonly channel: Channel;
  constructor(channel: Channel) {
    super();
    this.channel = channel;
    channel.onClose(() => this.fireClose());
  }
  listen(callback: DataCallback): Disposable {
    this.channel.onMessage((message) => {
      if ((message as Partial<Message>).jsonrpc !== '2.0') {
        this.channel.close('malformed frame: not JSON-RPC 2.0');
        return;
      }
      try {
        callback(message as Message);
      } catch (error) {
        // vscode-jsonrpc takes the parameters of its own notifications on trust; a stranger must not end our process.
        this.channel.close(`malformed frame: ${messageOf(error)}`);
      }
    });
    return { dispose: () => undefined };
  }
}

class ChannelWriter extends AbstractMessageWriter implements MessageWriter {
  private readonly channel: Channel;
  constructor(channel: Channel) {
    super();
    this.channel = channel;
    channel.onClose(() => this.fireClose());
  }
  async write(message: Message): Promise<void> {
    try {
      this.channel.send(message);
    } catch (error) {
      // An answer that is too long must still end the caller's wait.
      if (!hasCode(error, 'messageTooLarge') || !Message.isResponse(message)) throw error;
      const wire = toWireError(error);
      this.channel.send({
        jsonrpc: '2.0',
        id: message.id,
        error: { code: -32000, message: messageOf(error), data: wire },
      });
    }
  }
  end(): void {}
}

export function channelReader(channel: Channel): MessageReader {
  return new ChannelReader(channel);
}

export function channelWriter(channel: Channel): MessageWriter {
  return new ChannelWriter(channel);
}
