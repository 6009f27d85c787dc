"""Tokens as visible text: a space and other white space have signs, and bytes that are no text are written in hexadecimal."""

_SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}


def token_name(token: bytes) -> str:
    """Return a token as visible text.

    Example:
        >>> token_name(b" low"), token_name("é".encode()), token_name(b"\\xe4\\xbd"), token_name(b" \\xe4")
        ('␣low', 'é', '⟨E4⟩⟨BD⟩', '␣⟨E4⟩')
    """
    try:
        text = token.decode("utf-8")
    except UnicodeDecodeError:
        text = "".join(chr(byte) if byte < 127 else f"⟨{byte:02X}⟩" for byte in token)
    return "".join(_SIGNS.get(sign, sign if sign.isprintable() else f"⟨{ord(sign):02X}⟩") for sign in text)
