using Causeway.Protocol;

namespace Causeway.Links;

/// <summary>
/// A recipe of decorators around a link: what <c>options.ConfigureLink</c> takes and returns. The first added is
/// nearest to the session: the first to see what is sent, the last to see what is received.
/// </summary>
/// <remarks>
/// Immutable: every method returns a new recipe, which can be built as often as there are sockets. An application's
/// decorators are used as
/// <code>
/// options.ConfigureLink = link => link
///     .UseTransform(() => new XorMask(0x5A))
///     .Use(next => new CountingLink(next));
/// </code>
/// </remarks>
public sealed class DatagramLinkBuilder
{
    private readonly DatagramLinkBuilder? _outer;
    private readonly Func<IDatagramLink, IDatagramLink>? _decorate;

    private DatagramLinkBuilder(DatagramLinkBuilder? outer, Func<IDatagramLink, IDatagramLink>? decorate)
    {
        _outer = outer;
        _decorate = decorate;
    }

    /// <summary>The recipe without decorators.</summary>
    public static DatagramLinkBuilder Empty { get; } = new(outer: null, decorate: null);

    /// <summary>Adds a decorator below those added before.</summary>
    /// <param name="decorate">Makes a link around the one that it is given, and disposes that one with itself.</param>
    public DatagramLinkBuilder Use(Func<IDatagramLink, IDatagramLink> decorate)
    {
        ArgumentNullException.ThrowIfNull(decorate);
        return new DatagramLinkBuilder(this, decorate);
    }

    /// <summary>Adds a pure rewrite of datagrams below the decorators added before.</summary>
    /// <param name="create">
    /// Called twice for each link: for the transform that sends, and for the one that receives.
    /// </param>
    public DatagramLinkBuilder UseTransform(Func<DatagramTransform> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        return Use(next => new TransformLink(next, create(), create()));
    }

    /// <summary>
    /// Puts the decorators around a link, which the result then owns. If one of them throws, the caller still owns
    /// <paramref name="innermost"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">A decorator returned null.</exception>
    public IDatagramLink Build(IDatagramLink innermost)
    {
        ArgumentNullException.ThrowIfNull(innermost);
        IDatagramLink link = innermost;
        for (DatagramLinkBuilder builder = this; builder._decorate is not null; builder = builder._outer!)
        {
            link = builder._decorate(link) ?? throw new InvalidOperationException("A link decorator returned null.");
        }

        return link;
    }
}
