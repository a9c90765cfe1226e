using System.Collections;
using Microsoft.AspNetCore.Http.Features;

namespace Causeway.AspNetCore.Contexts;

/// <summary>
/// The features of a context: what somebody set, else the interfaces that the context itself implements, else those of the
/// connection around it. So a stream costs no dictionary unless somebody sets a feature.
/// </summary>
internal sealed class ContextFeatures(object own, IReadOnlyList<Type> ownTypes, IFeatureCollection? around = null) : IFeatureCollection
{
    private Dictionary<Type, object?>? _set;
    private int _revision;

    public bool IsReadOnly => false;

    public int Revision => _revision + (around?.Revision ?? 0);

    public object? this[Type key]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(key);
            return _set is not null && _set.TryGetValue(key, out object? set) ? set
                : key.IsInstanceOfType(own) ? own
                : around?[key];
        }

        set
        {
            ArgumentNullException.ThrowIfNull(key);
            _revision++;
            (_set ??= [])[key] = value;
        }
    }

    public TFeature? Get<TFeature>()
    {
        if (_set is not null && _set.TryGetValue(typeof(TFeature), out object? set))
        {
            return (TFeature?)set;
        }

        return own is TFeature feature ? feature : around is null ? default : around.Get<TFeature>();
    }

    public void Set<TFeature>(TFeature? instance) => this[typeof(TFeature)] = instance;

    public IEnumerator<KeyValuePair<Type, object>> GetEnumerator()
    {
        HashSet<Type> told = [];
        foreach ((Type type, object? value) in _set ?? [])
        {
            told.Add(type);
            if (value is not null)
            {
                yield return new(type, value);
            }
        }

        foreach (Type type in ownTypes)
        {
            if (told.Add(type))
            {
                yield return new(type, own);
            }
        }

        foreach (KeyValuePair<Type, object> outer in around ?? Enumerable.Empty<KeyValuePair<Type, object>>())
        {
            if (told.Add(outer.Key))
            {
                yield return outer;
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Forgets what was set, for a context that is used again.</summary>
    public void Reset()
    {
        if (_set is { Count: > 0 })
        {
            _set.Clear();
            _revision++;
        }
    }
}
